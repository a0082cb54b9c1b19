from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from icalendar import Calendar

from subscribers import Purpose


def events(visitor, interview):
    answer = visitor.get(visitor.path(Purpose.CALENDAR, interview.id) + ".ics")
    assert answer.headers["content-type"].startswith("text/calendar")
    found = {str(event["UID"]): event for event in Calendar.from_ical(answer.content).events}
    [own] = [uid for uid in found if uid.startswith("interview-")]
    return found.pop(own), list(found.values())


@pytest.fixture
def interview(visitor):
    return visitor.confirmed(interview_zone="America/New_York", mode="onsite")


def test_the_interview_stands_at_its_moment(visitor, interview):
    event, emails = events(visitor, interview)
    assert (
        "TZID" not in event["DTSTART"].params
    )  # UTC: right in every program without a table of clock changes
    assert datetime(2026, 12, 4, 19, 0, tzinfo=UTC) == event.DTSTART
    assert event.DTEND.astimezone(UTC) == datetime(2026, 12, 4, 22, 0, tzinfo=UTC)
    assert event["STATUS"] == "CONFIRMED"
    assert "Email: Go one level deeper" in [str(email["SUMMARY"]) for email in emails]
    assert {str(email["TRANSP"]) for email in emails} == {"TRANSPARENT"}


def test_without_a_start_time_it_is_a_whole_day(visitor):
    event, _ = events(visitor, visitor.confirmed(email="kiri@example.com", interview_time=""))
    assert date(2026, 12, 4) == event.DTSTART


def test_a_moved_interview_keeps_its_uid_and_counts_up(visitor, interview):
    before, _ = events(visitor, interview)
    visitor.send(
        visitor.path(Purpose.PLAN, interview.id, "move"),
        {"interview_date": "2026-12-11", "interview_time": "10:00", "interview_zone": "Europe/Berlin"},
    )
    after, _ = events(visitor, interview)
    assert after["UID"] == before["UID"]
    assert after["SEQUENCE"] > before["SEQUENCE"]
    assert after.DTSTART.astimezone(UTC) == datetime(2026, 12, 11, 9, 0, tzinfo=UTC)


def test_a_canceled_interview_is_canceled_in_the_calendar_too(visitor, interview):
    before, _ = events(visitor, interview)
    visitor.send(visitor.path(Purpose.PLAN, interview.id, "cancel"), {})
    event, emails = events(visitor, interview)
    assert (event["UID"], event["STATUS"]) == (before["UID"], "CANCELLED")
    assert event["SEQUENCE"] > before["SEQUENCE"]
    assert [str(email["SUMMARY"]) for email in emails] == ["Email: All stopped"]


def test_both_spellings_of_the_address_work(visitor, interview):
    path = visitor.path(Purpose.CALENDAR, interview.id)
    assert visitor.get(path).content == visitor.get(path + ".ics").content


def test_the_company_is_not_told_to_a_shared_calendar(visitor):
    interview = visitor.confirmed(email="sam@example.com", company="Nordwind")
    assert "Nordwind" not in visitor.get(visitor.path(Purpose.CALENDAR, interview.id)).text
