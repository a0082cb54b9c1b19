"""Two kinds of time: days and wall clocks where the reader lives, and real hours from a moment."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from diary import ANA, KIRI, ON_THE_MINUTE, SAM, SHIPPED, Diary, at, days_before, interview, sequence_of

from campaigns.facts import Person
from campaigns.planning import preview
from campaigns.reasons import Reason


def person(zone: str) -> Person:
    return replace(ANA, home_zone=zone)


def on(day: date, zone: str, *, home: str = "", **facts: object) -> Diary:
    """Somebody at home in `home` whose interview is that day in `zone`; signed up forty days before."""
    confirmed = at(f"{day - timedelta(days=40)} 12:00", zone)
    return Diary(interview(confirmed, held_on=day, zone=zone, **facts), person=person(home or zone))


def clock(diary: Diary, step: str) -> str:
    due = diary.look(step).due_at
    assert due
    return f"{due.astimezone(ZoneInfo(diary.person.home_zone)):%Y-%m-%d %H:%M}"


def test_nine_in_new_york_is_nine_on_both_sides_of_the_clock_change() -> None:
    """Dittofeed sends at eight."""
    ana = on(date(2026, 11, 3), "America/New_York")
    clocks = [clock(ana, step) for step in ("details", "people", "format", "salary", "questions")]
    assert clocks == [f"2026-{day} 09:00" for day in ("10-27", "10-29", "10-30", "10-31", "11-01")]
    salary, questions = ana.look("salary").due_at, ana.look("questions").due_at
    assert salary
    assert questions
    assert questions - salary == timedelta(hours=25)


def test_the_day_before_at_four_is_four_in_the_night_of_the_change() -> None:
    for zone, day in (("Europe/Berlin", date(2026, 3, 29)), ("America/St_Johns", date(2026, 3, 8))):
        ana = on(day, zone)
        assert clock(ana, "day_before") == f"{day - timedelta(days=1)} 16:00"
        assert clock(ana, "morning") == f"{day} 07:00"


def test_an_elapsed_rule_counts_real_hours_across_the_change() -> None:
    thanks = """key = "thanks"
title = "Thanks"
after = "interview_start"
delay = "26h"
expires = { after = "interview_start", delay = "48h" }
late = "send"
once_per = "date"
"""
    sequence = sequence_of(thanks)
    confirmed = at("2026-03-01 12:00")
    ana = Diary(interview(confirmed, held_on=date(2026, 3, 28), start_time=time(12)), sequence=sequence)
    assert clock(ana, "thanks") == "2026-03-29 15:00"


@pytest.mark.parametrize(
    ("zone", "wall", "moment"),
    [
        ("Europe/Berlin", "2026-03-29 02:30", "2026-03-29T01:30:00+00:00"),  # the gap: an hour later, 03:30
        ("Europe/Berlin", "2026-10-25 02:30", "2026-10-25T00:30:00+00:00"),  # twice: the first
        ("Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-03T15:45:00+00:00"),  # half an hour later, 02:45
        ("Australia/Lord_Howe", "2026-04-05 01:45", "2026-04-04T14:45:00+00:00"),
        ("Antarctica/Troll", "2026-03-29 01:30", "2026-03-29T01:30:00+00:00"),  # two hours later, 03:30
        ("Antarctica/Troll", "2026-10-25 01:30", "2026-10-24T23:30:00+00:00"),
        ("Africa/Cairo", "2026-04-24 00:30", "2026-04-23T22:30:00+00:00"),  # midnight is missing
    ],
)
def test_a_wall_time_that_is_missing_or_doubled(zone: str, wall: str, moment: str) -> None:
    """An interview then starts one gap later, or at the first of the two."""
    day, start = wall.split()
    ana = on(date.fromisoformat(day), zone, start_time=time.fromisoformat(start))
    passage = ana.passages[1]
    assert passage.starts_at.isoformat() == moment


def test_a_step_in_the_gap_comes_one_gap_later() -> None:
    step = """key = "early"
title = "Early"
day = 0
time = 02:15:00
expires = { after = "interview_start", delay = "-2h" }
late = "send"
once_per = "date"
exempt = ["window"]
"""
    sequence = sequence_of(step)
    for zone, day, expected in (
        ("Australia/Lord_Howe", date(2026, 10, 4), "02:45"),
        ("Europe/Berlin", date(2026, 3, 29), "03:15"),
        ("Antarctica/Troll", date(2026, 3, 29), "04:15"),
    ):
        ana = on(day, zone)
        ana.sequence = sequence
        assert clock(ana, "early") == f"{day} {expected}"


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Africa/Cairo", date(2026, 4, 24)),
        ("Asia/Beirut", date(2026, 3, 29)),
        ("America/Havana", date(2026, 3, 8)),
        ("America/Santiago", date(2026, 9, 6)),
        ("Atlantic/Azores", date(2026, 3, 29)),
    ],
)
def test_a_day_without_midnight_is_an_ordinary_interview_day(zone: str, day: date) -> None:
    ana = on(day, zone)
    assert clock(ana, "day_before") == f"{day - timedelta(days=1)} 16:00"
    assert clock(ana, "details") == f"{day - timedelta(days=7)} 09:00"
    assert clock(ana, "morning") == f"{day} 07:00"


def test_monday_five_in_tokyo_is_monday() -> None:
    """Dittofeed skips it: in UTC it is still Sunday."""
    nudge = """key = "nudge"
title = "Nudge"
day = 3
time = 05:00:00
weekdays = true
expires = { after = "due", delay = "2d" }
late = "skip"
once_per = "date"
exempt = ["window"]
"""
    ana = on(date(2026, 6, 19), "Asia/Tokyo")
    ana.sequence = sequence_of(nudge)
    assert clock(ana, "nudge") == "2026-06-22 05:00"


def test_the_interview_in_another_zone_is_counted_in_the_readers_days() -> None:
    """Friday 09:00 in Auckland is Thursday 23:00 in Berlin: the eve is Wednesday."""
    ana = on(date(2026, 6, 19), "Pacific/Auckland", home="Europe/Berlin", start_time=time(9))
    assert clock(ana, "day_before") == "2026-06-17 16:00"
    assert clock(ana, "morning") == "2026-06-18 07:00"
    assert ana.look("day_before").expires_at == at("2026-06-18 19:00")


def test_kiri_and_sam_are_a_day_apart_and_both_are_right() -> None:
    """The same interview, Friday 09:00 in St. John's; Kiri lives where it is already Saturday."""
    for who, eve in ((SAM, "2026-06-18 16:00"), (KIRI, "2026-06-19 16:00")):
        ana = on(date(2026, 6, 19), SAM.home_zone, home=who.home_zone, start_time=time(10))
        assert clock(ana, "day_before") == eve


def test_an_unknown_start_time_counts_as_ten_and_ends_by_the_kind_of_interview() -> None:
    for mode, end in (("unknown", "13:00"), ("phone", "13:00"), ("video", "13:00"), ("onsite", "15:00")):
        ana = Diary(interview(days_before(40, "12:00"), start_time=None, mode=mode))
        assert clock(ana, "thanks") == f"2026-06-19 {end}"
    assert clock(ana, "morning") == "2026-06-19 07:00"
    assert ana.look("morning").expires_at == days_before(0, "08:00")


def test_nudges_come_on_weekdays_five_business_days_after_at_least() -> None:
    for day in range(14, 21):
        ana = on(date(2026, 6, day), "Europe/Berlin", start_time=time(14))
        due = ana.look("checkin").due_at
        assert due
        nudged = due.date()
        assert nudged.weekday() < 5
        between = [date(2026, 6, day) + timedelta(days=n) for n in range(1, 12)]
        assert sum(d.weekday() < 5 and d <= nudged for d in between) >= 5


def test_conditions_see_the_day_an_email_leaves_not_the_day_it_is_planned() -> None:
    step = """key = "soon"
title = "Soon"
day = -1
time = 16:00:00
expires = { after = "interview_start", delay = "-2h" }
late = "send"
once_per = "date"
when = "interview.is_tomorrow"
"""
    ana = Diary(interview(days_before(40, "12:00")), sequence=sequence_of(step))
    assert clock(ana, "soon") == "2026-06-18 16:00"


def test_conditions_leave_out_with_their_own_words() -> None:
    ana = Diary(interview(days_before(40, "12:00"))).be(has_newsletter=True)
    farewell = ana.look("farewell")
    assert farewell.reason is Reason.CONDITION_FALSE
    assert farewell.detail == "only when not subscriber.has_newsletter"


def test_a_preview_says_what_would_come_if_they_confirmed_now() -> None:
    now = days_before(3, "08:00")
    shown = preview(ON_THE_MINUTE, person=replace(ANA, id=0), passage=interview(), now=now)
    coming = [(send.step, send.due_at) for send in shown if send.is_open]
    assert coming[:3] == [
        ("catchup", now),
        ("questions", days_before(2, "09:00")),
        ("day_before", days_before(1, "16:00")),
    ]


def test_a_preview_is_punctual() -> None:
    shown = preview(SHIPPED, person=ANA, passage=interview(), now=days_before(20, "12:34"))
    assert all(send.due_at and send.due_at.second == 0 for send in shown if send.is_open)
