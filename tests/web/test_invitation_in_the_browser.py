from __future__ import annotations

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

INVITATION = (
    b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:1@example.com\r\n"
    b"DTSTART;TZID=Europe/London:20261204T150000\r\nLOCATION:Microsoft Teams Meeting\r\n"
    b"END:VEVENT\r\nEND:VCALENDAR\r\n"
)
FILE = {"name": "invite.ics", "mimeType": "text/calendar", "buffer": INVITATION}


def expect_filled(page):
    expect(page.get_by_role("status")).to_contain_text("This is what your invitation says.")
    expect(page.get_by_label("Day", exact=True)).to_have_value("2026-12-04")
    expect(page.get_by_label("Time optional", exact=True)).to_have_value("15:00")
    expect(page.get_by_label("Time zone of the interview")).to_have_value("Europe/London")
    expect(page.get_by_label("Video call")).to_be_checked()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_an_invitation_fills_in_the_form_and_sam_sends_it(visitor, open_page, scripts):
    page = open_page(scripts=scripts)
    page.goto("/")
    if scripts:
        page.get_by_label("Email", exact=True).fill("sam@example.com")
    page.get_by_text("Fill it in from the invitation you received").click()
    page.get_by_label("Calendar file (.ics)").set_input_files(FILE)
    if not scripts:
        page.get_by_role("button", name="Read it").click()
    expect_filled(page)
    if scripts:
        expect(page.get_by_label("Email", exact=True)).to_have_value("sam@example.com")
        expect(page.get_by_label("Your time zone")).to_have_value("America/St_Johns")
    page.get_by_label("Email", exact=True).fill("sam@example.com")
    page.get_by_label("Yes, send me the emails").check()
    page.get_by_role("button", name="Get my emails").click()
    expect(page.get_by_role("heading", name="Check your inbox")).to_be_visible()
    [interview] = visitor.interviews()
    assert (interview.zone, interview.start_time.hour, interview.mode) == ("Europe/London", 15, "video")


def test_an_invitation_can_be_dropped_on_the_form(open_page):
    page = open_page(size="desk")
    page.goto("/")
    page.evaluate(
        """(content) => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([content], "invite.ics", { type: "text/calendar" }));
          for (const type of ["dragover", "drop"])
            document.querySelector(".sign-up h2").dispatchEvent(
              new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true }));
        }""",
        INVITATION.decode(),
    )
    expect_filled(page)
