"""The snippet of the how-to, as it stands there, in a page that is not ours."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "embed-the-form.md"


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_the_embedded_form_leads_to_ours_with_the_plan_shown(visitor, open_page, base_url, scripts):
    form, zone = re.findall(r"```html\n(.*?)```", HOW_TO.read_text("utf-8"), re.DOTALL)
    form = form.replace("https://interviews.example.com/", f"{base_url}/")
    page = open_page(scripts=scripts)
    page.set_content(form if scripts else form.replace("</form>", f"{zone}</form>"))
    page.get_by_label("Day of your second interview").fill("2026-12-04")
    page.get_by_label("Time").fill("14:00")
    page.get_by_role("button", name="Show my plan").click()

    expect(page.get_by_role("heading", name="When is your interview?")).to_be_visible()
    expect(page.locator("#plan-lines")).to_contain_text("November 27")
    page.get_by_label("Email", exact=True).fill("sam@example.com")
    page.get_by_label("Yes, send me the emails").check()
    page.get_by_role("button", name="Get my emails").click()
    expect(page.get_by_role("heading", name="Check your inbox")).to_be_visible()
    [interview] = visitor.interviews()
    assert (interview.held_on.isoformat(), interview.start_time.hour) == ("2026-12-04", 14)
    assert interview.zone == ("America/St_Johns" if scripts else "Europe/Berlin")
