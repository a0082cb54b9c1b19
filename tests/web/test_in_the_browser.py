"""The pages as people use them: Chromium on a phone and a desk, light and dark, with and without scripts."""

from __future__ import annotations

import os
import re
from importlib.resources import files
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from campaigns.newsletter import IssueState, NewsletterIssue
from subscribers import Purpose

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

LOOKS = [(size, scheme) for size in ("phone", "desk") for scheme in ("light", "dark")]
AXE = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
PAGE_CHECKS = (Path(__file__).parent / "page_checks.js").read_text("utf-8")


def keep(page: Page, name: str) -> None:
    """A screenshot beside the run, when asked for."""
    folder = os.environ.get("RUNUP_ARTIFACTS")
    if folder:
        page.screenshot(path=Path(folder) / "screenshots" / f"{name}.png", full_page=True)


def confirm_link(visitor) -> str:
    return visitor.path(Purpose.CONFIRM, visitor.interviews()[-1].id)


def sign_up(page: Page, **typed: str) -> None:
    """What a person types and taps on the landing page."""
    page.goto("/")
    page.get_by_label("Day", exact=True).fill(typed.get("day", "2026-12-04"))
    page.get_by_label("Time optional", exact=True).fill("14:00")
    if typed.get("zone"):
        page.get_by_label("Your time zone").select_option(typed["zone"])
    page.get_by_label("Video call").check()
    page.get_by_label("First name").fill("Sam")
    page.get_by_label("Email", exact=True).fill(typed.get("email", "sam@example.com"))
    page.get_by_label("Yes, send me the emails").check()
    page.get_by_role("button", name="Get my emails").click()
    expect(page).to_have_url(re.compile("/(sign-up|check-your-inbox)$"))


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
@pytest.mark.parametrize("size", ["phone", "desk"])
def test_sam_signs_up_confirms_moves_the_date_and_leaves(visitor, open_page, size, scripts):
    page = open_page(size=size, scripts=scripts)
    sign_up(page, zone="" if scripts else "America/St_Johns")
    expect(page.get_by_role("heading", name="Check your inbox")).to_be_visible()
    [interview] = visitor.interviews()
    assert (interview.subscriber.home_zone, interview.mode) == ("America/St_Johns", "video")

    page.goto(confirm_link(visitor))
    page.get_by_role("button", name="Yes, start my emails").click()
    expect(page.get_by_role("status")).to_have_text("Confirmed. Your plan stands.")
    expect(page.get_by_text("Go one level deeper")).to_be_visible()

    page.get_by_role("link", name="Change date").click()
    page.get_by_label("Day", exact=True).fill("2026-12-11")
    page.get_by_role("button", name="Save the date").click()
    expect(page.get_by_role("status")).to_contain_text("every email has moved along")
    expect(page.get_by_role("heading", name="Friday December 11")).to_be_visible()

    page.get_by_role("link", name="Stop all emails").click()
    expect(page.get_by_label("Send me one email")).not_to_be_checked()
    page.get_by_role("button", name="Unsubscribe").click()
    expect(page.get_by_role("heading", name="Done. No more emails.")).to_be_visible()


def test_the_zone_is_guessed_and_can_be_changed(open_page):
    page = open_page(timezone_id="Pacific/Kiritimati")
    page.goto("/")
    zone = page.get_by_label("Your time zone")
    expect(zone).to_have_value("Pacific/Kiritimati")
    expect(page.get_by_text("Taken from your browser.")).to_be_visible()
    zone.select_option("Europe/Berlin")
    expect(zone).to_have_value("Europe/Berlin")


def test_an_older_name_of_a_zone_is_taken_as_the_browser_says_it(visitor, open_page):
    page = open_page(timezone_id="Asia/Calcutta")
    sign_up(page)
    expect(page.get_by_role("heading", name="Check your inbox")).to_be_visible()
    assert visitor.interviews()[0].subscriber.home_zone in ("Asia/Calcutta", "Asia/Kolkata")


def test_a_zone_in_the_link_is_not_guessed_over(open_page):
    page = open_page(timezone_id="Pacific/Kiritimati")
    page.goto("/?zone=Europe/Berlin")
    expect(page.get_by_label("Your time zone")).to_have_value("Europe/Berlin")


def test_an_error_takes_the_focus_and_leads_to_its_field(open_page, visitor):
    page = open_page()
    sign_up(page, email="sam@", day="2026-01-01")
    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    expect(page.get_by_label("First name")).to_have_value("Sam")
    expect(page.get_by_label("Email", exact=True)).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Email", exact=True)).to_have_accessible_description(
        re.compile("not an email address")
    )
    summary.get_by_role("link", name="email address").click()
    expect(page.get_by_label("Email", exact=True)).to_be_focused()
    assert visitor.interviews() == []


def test_the_whole_form_can_be_filled_in_by_keyboard(open_page, visitor):
    page = open_page(size="desk")
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.get_by_label("Day", exact=True).focus()
    page.keyboard.type("12042026")
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        name = page.evaluate("document.activeElement.name || document.activeElement.tagName")
        reached.add(name)
        if name == "email":
            page.keyboard.type("sam@example.com")
        if name == "mode":
            page.keyboard.press("ArrowRight")
        if name == "consent":
            page.keyboard.press("Space")
        if name == "BUTTON":
            page.keyboard.press("Enter")
            break
    assert "website" not in reached
    expect(page.get_by_role("heading", name="Check your inbox")).to_be_visible()
    assert visitor.interviews()[0].held_on.isoformat() == "2026-12-04"


def test_opening_a_link_of_an_email_shows_its_form(visitor, open_page):
    interview = visitor.confirmed()
    page = open_page()
    page.goto(visitor.path(Purpose.PLAN, interview.id, "decision"))
    field = page.get_by_label("They decide by")
    expect(field).to_be_in_viewport()
    field.fill("2026-12-16")
    page.get_by_role("button", name="Save the day").click()
    expect(page.get_by_role("status")).to_contain_text("Noted.")


@pytest.mark.parametrize(("size", "scheme"), LOOKS, ids=[f"{s}-{c}" for s, c in LOOKS])
def test_every_page_fits_reads_and_can_be_tapped(visitor, open_page, clock, size, scheme):
    page = open_page(size=size, scheme=scheme)
    visitor.sign_up(email="kiri@example.com")
    pending = confirm_link(visitor)
    interview = visitor.confirmed(
        interview_zone="America/New_York", interview_date="2026-11-27", first_name="Anastasia-Alexandra"
    )
    visitor.send("/newsletter", {"email": "kiri@example.com", "list-newsletter": "yes"})
    plan = visitor.path(Purpose.PLAN, interview.id)
    look = {
        "landing": "/",
        "check-your-inbox": "/check-your-inbox",
        "confirm": pending,
        "confirmed-already": visitor.path(Purpose.CONFIRM, interview.id),
        "plan": f"{plan}?done=confirmed",
        "plan-move": f"{plan}/move",
        "plan-details": f"{plan}/details",
        "plan-pause": f"{plan}/pause",
        "plan-newsletter": f"{plan}/newsletter",
        "plan-stop": f"{plan}/stop",
        "plan-cancel": f"{plan}/cancel",
        "plan-delete": f"{plan}/delete",
        "deleted": "/deleted",
        "unsubscribe": visitor.path(Purpose.UNSUBSCRIBE, interview.subscriber_id),
        "leave": visitor.path(Purpose.LEAVE, 1),
        "newsletter": "/newsletter",
        "newsletter-inbox": "/newsletter/check-your-inbox",
        "join": visitor.path(Purpose.JOIN, 1),
        "newsletters": visitor.path(Purpose.NEWSLETTERS, interview.subscriber_id),
        "archive": "/newsletter/archive",
        "archive-issue": "/newsletter/archive/newsletter/december",
        "not-found": "/confirm/forged",
    }
    an_issue_was_sent(visitor)
    for name, path in look.items():
        page.goto(path)
        check(page, f"{name}-{size}-{scheme}")
    sign_up(page, email="sam@", day="2026-01-01")
    check(page, f"landing-errors-{size}-{scheme}")
    page.goto(f"{plan}/move")
    page.get_by_label("Day", exact=True).fill("2020-01-01")
    page.get_by_role("button", name="Save the date").click()
    expect(page).to_have_title(re.compile("^Error: "))
    check(page, f"plan-errors-{size}-{scheme}")
    clock.forward(days=5)
    page.goto(plan)
    check(page, f"plan-past-{size}-{scheme}")
    page.goto(pending)
    check(page, f"confirm-expired-{size}-{scheme}")
    visitor.send(f"{plan}/outcome", {"outcome": "next_round"})
    page.goto(f"{plan}?done=next_round")
    check(page, f"plan-next-round-{size}-{scheme}")
    visitor.send(f"{plan}/pause", {"until_on": "2026-12-20"}, page=plan)
    page.goto(f"{plan}?done=paused")
    check(page, f"plan-paused-{size}-{scheme}")
    page.goto(visitor.path(Purpose.UNSUBSCRIBE, interview.subscriber_id))
    page.get_by_role("button", name="Unsubscribe").click()
    expect(page.get_by_role("heading", name="Was it not all you meant to stop?")).to_be_visible()
    check(page, f"unsubscribed-{size}-{scheme}")
    page.get_by_role("button", name="It was a mistake").click()
    check(page, f"kept-{size}-{scheme}")
    visitor.send(f"{plan}/cancel", {})
    visitor.http.post(visitor.path(Purpose.UNSUBSCRIBE, interview.subscriber_id))
    page.goto(plan)
    check(page, f"plan-canceled-{size}-{scheme}")


def an_issue_was_sent(visitor) -> None:
    now = visitor.application.clock()
    with visitor.application.database.write() as session:
        session.add(
            NewsletterIssue(
                list_key="newsletter",
                slug="december",
                subject="What helped in December",
                preheader="Three questions that worked.",
                text="Dear reader,\n\nask early.\nMore: https://example.com/" + "long/" * 40 + "\n\nYours",
                state=IssueState.SENT,
                is_public=True,
                created_at=now,
                sent_at=now,
            )
        )


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
@pytest.mark.parametrize("size", ["phone", "desk"])
def test_sam_pauses_goes_on_and_says_what_was_not_meant(visitor, open_page, size, scripts):
    interview = visitor.confirmed(email="sam@example.com")
    plan = visitor.path(Purpose.PLAN, interview.id)
    page = open_page(size=size, scripts=scripts)
    page.goto(plan)
    page.get_by_text("Pause all emails").click()
    page.get_by_label("Until optional").fill("2026-12-01")
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("Paused.")
    expect(page.get_by_text("All emails are paused until")).to_be_visible()
    page.get_by_role("button", name="Go on now").click()
    expect(page.get_by_role("status")).to_contain_text("Welcome back.")

    page.get_by_text("Newsletters", exact=True).click()
    page.get_by_label("Yes, send me “The newsletter”.").check()
    page.get_by_role("button", name="Save", exact=True).and_(page.locator("#newsletter-part button")).click()
    expect(page.get_by_role("status")).to_contain_text("the newsletters you ticked")

    page.get_by_role("link", name="Stop all emails").click()
    page.get_by_role("button", name="Unsubscribe").click()
    page.get_by_role("button", name="Only the newsletter").click()
    expect(page.get_by_role("heading", name="Only the newsletter")).to_be_visible()
    page.get_by_role("link", name="Open my plan").click()
    expect(page.get_by_text("You have stopped the emails about this interview.")).to_be_visible()
    page.get_by_role("button", name="Start them again").click()
    expect(page.get_by_role("status")).to_contain_text("Welcome back.")


def check(page: Page, name: str) -> None:
    page.wait_for_load_state()
    keep(page, name)
    assert page.evaluate(PAGE_CHECKS) == [], name
    # axe takes most of a second a page, and light and dark, phone and desk differ in little it looks at.
    if name.endswith(("-phone-dark", "-desk-light")):
        assert violations(page) == [], name


def violations(page: Page) -> list[str]:
    """What axe-core finds."""
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
    return [f"{rule['id']}: {node['html'][:160]}" for rule in found for node in rule["nodes"]]
