"""The calendar invitation that somebody received: read for them, and never believed."""

from __future__ import annotations

import io
import re
import time
import zipfile
from html import unescape

import pytest

WINDOWS = (
    "BEGIN:VTIMEZONE\r\nTZID:W. Europe Standard Time\r\nBEGIN:STANDARD\r\nDTSTART:16010101T030000\r\n"
    "TZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\r\nEND:STANDARD\r\n"
    "END:VTIMEZONE\r\n"
)


def ics(*lines, before="", head=""):
    body = "\r\n".join(["UID:1@example.com", "SUMMARY:Interview", *lines])
    return (
        f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\n{head}{before}"
        f"BEGIN:VEVENT\r\n{body}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    ).encode()


def send(visitor, content, name="invite.ics", **fields):
    return visitor.http.post(
        "/invitation",
        data={"form_token": visitor.token_on("/")} | fields,
        files={"invitation": (name, content, "text/calendar")},
    )


def filled(page):
    """What stands in the form that comes back."""
    found = dict(re.findall(r'<input id="(interview_\w+)"[^>]*value="([^"]*)"', page))
    zone = re.search(r'<select id="interview_zone".*?</select>', page, re.DOTALL)[0]
    chosen = re.search(r'value="([^"]*)" selected', zone)
    mode = re.search(r'id="mode-(\w+)"[^>]*checked', page)
    return (
        found["interview_date"],
        found["interview_time"],
        chosen[1] if chosen else "",
        mode[1] if mode else "",
    )


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            ["DTSTART;TZID=Europe/London:20261204T143000", "LOCATION:https://meet.google.com/abc-defg-hij"],
            ("2026-12-04", "14:30", "Europe/London", "video"),
        ),
        (
            ['DTSTART;TZID="W. Europe Standard Time":20261204T090000', "LOCATION:Microsoft Teams Meeting"],
            ("2026-12-04", "09:00", "Europe/Berlin", "video"),
        ),
        (
            ["DTSTART;TZID=/example.org/20260101_1/America/Argentina/Buenos_Aires:20261204T090000"],
            ("2026-12-04", "09:00", "America/Argentina/Buenos_Aires", ""),
        ),
        (["DTSTART:20261204T130000Z"], ("2026-12-04", "13:00", "UTC", "")),
        (["DTSTART;TZID=Customized Time Zone:20261204T130000"], ("2026-12-04", "13:00", "", "")),
        (["DTSTART:20261204T130000", "LOCATION:+49 30 123456"], ("2026-12-04", "13:00", "", "phone")),
        (
            ["DTSTART;VALUE=DATE:20261204", "LOCATION:Hauptstr. 5\\, 3. Stock"],
            ("2026-12-04", "", "", "onsite"),
        ),
        (
            [
                "DTSTART;TZID=Europe/Berlin:20261204T130000",
                "DESCRIPTION:Join: https://us02web.zo\r\n om.us/j/1",
            ],
            ("2026-12-04", "13:00", "Europe/Berlin", "video"),
        ),
    ],
)
def test_the_day_the_time_the_zone_and_the_place_are_read_and_nothing_is_stored(visitor, lines, expected):
    before = visitor.dump()
    answer = send(visitor, ics(*lines, before=WINDOWS))
    assert answer.status_code == 200
    assert filled(answer.text) == expected
    assert "This is what your invitation says." in answer.text
    assert visitor.dump() == before


def test_a_moment_in_utc_is_told_on_the_readers_clock(visitor):
    page = send(visitor, ics("DTSTART:20261204T233000Z"), home_zone="Pacific/Kiritimati").text
    assert filled(page)[:3] == ("2026-12-05", "13:30", "")


def test_a_zone_of_the_files_own_is_taken_by_the_place_it_names(visitor):
    own = "BEGIN:VTIMEZONE\r\nTZID:Berlin 2\r\nX-LIC-LOCATION:Europe/Berlin\r\nEND:VTIMEZONE\r\n"
    page = send(visitor, ics("DTSTART;TZID=Berlin 2:20261204T130000", before=own)).text
    assert filled(page)[:3] == ("2026-12-04", "13:00", "Europe/Berlin")


def test_what_was_typed_before_is_still_there_and_the_plan_is_shown(visitor):
    page = send(
        visitor,
        ics("DTSTART;TZID=Europe/Berlin:20261204T130000"),
        home_zone="Europe/Berlin",
        email="ana@example.com",
        first_name="Ana",
    ).text
    assert re.search(r'id="email"[^>]*value="ana@example.com"', page)
    assert "Friday 4 December, 13:00" in page
    assert "Go one level deeper" in page


def test_of_several_appointments_the_next_one_counts(visitor):
    def event(day):
        return f"BEGIN:VEVENT\r\nUID:{day}\r\nDTSTART:{day}T130000Z\r\nEND:VEVENT\r\n"

    content = ics("DTSTART:20261210T130000Z", before=event("20261001") + event("20261203"))
    page = send(visitor, content).text
    assert filled(page)[0] == "2026-12-03"
    assert "There are several appointments in the file" in page


def zipped():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("invite.ics", b"0" * 50_000_000)
    return packed.getvalue()


NESTED = b"BEGIN:VCALENDAR\r\n" + b"BEGIN:VEVENT\r\n" * 10_000 + b"END:VEVENT\r\n" * 5_000
MANY = b"BEGIN:VEVENT\r\nDTSTART:20261204T130000Z\r\nEND:VEVENT\r\n" * 3_000
HOSTILE = {
    "nothing": b"",
    "too large": ics("DTSTART:20261204T130000Z", "DESCRIPTION:" + "x" * 210_000),
    "a zip": zipped(),
    "a picture": b"\x89PNG\r\n\x1a\n" + b"\0" * 100,
    "another encoding": "BEGIN:VCALENDAR\r\n".encode("utf-16"),
    "latin-1": ics("DTSTART:20261204T130000Z").replace(b"Interview", b"Gespr\xe4ch"),
    "a null": ics("DTSTART:20261204T130000Z\0"),
    "html": b"<script>alert(1)</script>",
    "no appointment": b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n",
    "a task": b"BEGIN:VCALENDAR\r\nBEGIN:VTODO\r\nDUE:20261204\r\nEND:VTODO\r\nEND:VCALENDAR\r\n",
    "nested": NESTED,
    "cut off": ics("DTSTART:20261204T130000Z")[:-30],
    "closed out of order": b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VCALENDAR\r\nEND:VEVENT\r\n",
    "a whole calendar": b"BEGIN:VCALENDAR\r\n" + MANY + b"END:VCALENDAR\r\n",
    "endless": ics("DTSTART:20261204T130000Z", "RRULE:FREQ=SECONDLY;COUNT=999999999"),
    "endless dates": ics("DTSTART:20261204T130000Z", "RDATE:" + "20261204T130000Z," * 9_000),
    "no start": ics(),
    "a start that is none": ics("DTSTART:tomorrow"),
    "a start in the year 0": ics("DTSTART:00000000T000000Z"),
    "the 30th of February": ics("DTSTART:20260230T130000Z"),
    "a period": ics("DTSTART;VALUE=PERIOD:20261204T130000Z/PT1H"),
    "a duration": ics("DTSTART;VALUE=DURATION:PT1H"),
    "canceled": ics("DTSTART:20261204T130000Z", "STATUS:CANCELLED"),
    "called off": ics("DTSTART:20261204T130000Z", head="METHOD:CANCEL\r\n"),
    "no colons": b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
    "quotes": ics('DTSTART;TZID="' + '"\\' * 20_000 + ":20261204T130000"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_file_that_is_no_invitation_is_refused_at_its_field(visitor, kind):
    before = visitor.dump()
    started = time.perf_counter()
    answer = send(visitor, HOSTILE[kind], email="ana@example.com")
    assert time.perf_counter() - started < 5
    assert answer.status_code == 422
    assert 'id="invitation-error"' in answer.text
    assert '<a href="#invitation">' in answer.text
    assert re.search(r'id="email"[^>]*value="ana@example.com"', answer.text)
    assert "<script>alert" not in answer.text
    assert visitor.dump() == before


@pytest.mark.parametrize(
    "lines",
    [
        ["DTSTART;TZID=" + "/Europe" * 20_000 + ":20261204T130000"],
        ["DTSTART:20261204T130000Z", "LOCATION:" + " " * 45_000 + "x"],
        ["DTSTART:20261204T130000Z", "LOCATION:" + "1 " * 20_000 + "x"],
        ["DTSTART:20261204T130000Z", "DESCRIPTION:" + "https://" * 6_000],
        ["DTSTART:20261204T130000Z", *["X-A;B" + ";C=D" * 10_000 + ":x"]],
        ["DTSTART:20261204T130000Z", *["X:y"] * 30_000],
    ],
    ids=["zones", "spaces", "digits", "links", "parameters", "lines"],
)
def test_a_file_made_to_be_slow_is_read_quickly_or_refused(visitor, lines):
    started = time.perf_counter()
    assert send(visitor, ics(*lines)).status_code in (200, 422)
    assert time.perf_counter() - started < 5


def test_no_zone_of_a_file_outlives_its_request(visitor):
    from icalendar.timezone import tzp

    own = (
        "BEGIN:VTIMEZONE\r\nTZID:Poison\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0500\r\n"
        "TZOFFSETTO:+0500\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
    )
    send(visitor, ics("DTSTART;TZID=Poison:20261204T130000", before=own))
    assert tzp.timezone("Poison") is None


def test_markup_in_an_invitation_is_text(visitor):
    page = send(visitor, ics("DTSTART;TZID=<b>x</b>:20261204T130000", "LOCATION:<b>x</b>")).text
    assert "<b>x</b>" not in page
    assert "We do not know the file's time zone" in unescape(page)


def test_two_files_or_half_a_megabyte_or_no_token_are_refused(visitor):
    token = visitor.token_on("/")
    good = ("a.ics", ics("DTSTART:20261204T130000Z"), "text/calendar")
    two = [("invitation", good), ("other", good)]
    assert visitor.http.post("/invitation", data={"form_token": token}, files=two).status_code == 400
    assert send(visitor, b"x" * 500_000).status_code == 413
    assert visitor.http.post("/invitation", files={"invitation": good}).status_code == 403
    assert visitor.http.post("/invitation", data={"form_token": token}).status_code == 415
