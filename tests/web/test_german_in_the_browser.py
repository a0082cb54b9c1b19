"""A reader whose browser speaks German, from the form to the farewell."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from subscribers import Purpose

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

PAGE_CHECKS = (Path(__file__).parent / "page_checks.js").read_text("utf-8")


def check(page: Page, name: str) -> None:
    page.wait_for_load_state()
    if folder := os.environ.get("RUNUP_ARTIFACTS"):
        page.screenshot(path=Path(folder) / "screenshots" / f"german-{name}.png", full_page=True)
    assert page.evaluate(PAGE_CHECKS) == [], name
    assert page.evaluate("document.documentElement.lang") == "de"


@pytest.mark.parametrize(
    ("size", "scheme", "scripts"),
    [("phone", "dark", True), ("phone", "light", False), ("desk", "light", True)],
    ids=["phone, dark", "phone without scripts", "desk"],
)
def test_ana_signs_up_confirms_and_leaves_in_german(visitor, open_page, size, scheme, scripts):
    page = open_page(size=size, scheme=scheme, scripts=scripts, locale="de-DE", timezone_id="Europe/Berlin")
    look = f"{size}-{scheme}-{'scripts' if scripts else 'plain'}"
    page.goto("/")
    page.get_by_label("Tag", exact=True).fill("2026-12-04")
    page.get_by_label("Uhrzeit freiwillig", exact=True).fill("14:00")
    if not scripts:
        page.get_by_label("Deine Zeitzone").select_option("Europe/Berlin")
    page.get_by_label("Vorname").fill("Ana")
    page.get_by_label("E-Mail", exact=True).fill("ana@example.com")
    page.get_by_label("Ja, schickt mir die E-Mails").check()
    if scripts:
        expect(page.get_by_text("Freitag, 27. November, 09:00").first).to_be_visible()
    check(page, f"landing-{look}")
    page.get_by_role("button", name="E-Mails bekommen").click()
    page.wait_for_url("**/check-your-inbox")
    check(page, f"inbox-{look}")

    [interview] = visitor.interviews()
    assert interview.subscriber.locale == "de"
    page.goto(visitor.path(Purpose.CONFIRM, interview.id))
    check(page, f"confirm-{look}")
    page.locator("button.primary").click()
    expect(page.get_by_text("Eine Ebene tiefer")).to_be_visible()
    check(page, f"plan-{look}")
    page.get_by_role("link", name="Alle E-Mails beenden").click()
    check(page, f"leaving-{look}")
    page.locator("button.primary").click()
    check(page, f"left-{look}")
    assert page.get_by_role("heading", level=1).count() == 1
