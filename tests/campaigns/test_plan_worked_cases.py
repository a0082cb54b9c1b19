"""The worked cases of the timing page, told as what reaches Ana's inbox: interview Friday 19 June, 14:00."""

from __future__ import annotations

from datetime import timedelta

import pytest
from diary import Diary, at, days_before, interview

from campaigns.reasons import Reason

FOLLOW_UPS = [
    ("thanks", "Fri 19 17:00"),
    ("checkin", "Fri 26 09:30"),
    ("second_nudge", "Fri 03 09:30"),
    ("farewell", "Fri 17 10:00"),
]
ADVICE = ("details", "people", "format", "salary", "questions")


def test_confirmed_ten_days_before_every_step_comes_on_its_day() -> None:
    ana = Diary(interview(days_before(10, "20:15"))).live_on()
    assert ana.left() == [
        ("welcome", "Tue 09 20:15"),
        ("details", "Fri 12 09:00"),
        ("people", "Sun 14 09:00"),
        ("format", "Mon 15 09:00"),
        ("salary", "Tue 16 09:00"),
        ("questions", "Wed 17 09:00"),
        ("day_before", "Thu 18 16:00"),
        ("morning", "Fri 19 07:00"),
        *FOLLOW_UPS,
    ]


def test_confirmed_on_tuesday_one_catch_up_and_then_the_days() -> None:
    ana = Diary(interview(at("2026-06-16 08:00"))).live_on()
    assert ana.left() == [
        ("catchup", "Tue 16 08:00"),
        ("questions", "Wed 17 09:00"),
        ("day_before", "Thu 18 16:00"),
        ("morning", "Fri 19 07:00"),
        *FOLLOW_UPS,
    ]
    assert ana.history[0].merged == ("details", "people", "format", "salary")


def test_confirmed_at_half_past_twelve_on_the_day_only_the_rush() -> None:
    ana = Diary(interview(at("2026-06-19 12:30"))).live_on()
    assert ana.left() == [("catchup", "Fri 19 12:30"), *FOLLOW_UPS]
    assert ana.history[0].merged == ADVICE


def test_confirmed_on_the_sunday_after_only_the_follow_up_path() -> None:
    ana = Diary(interview(at("2026-06-21 11:00"))).live_on()
    assert ana.left() == [("welcome", "Sun 21 11:00"), *FOLLOW_UPS[1:]]


SIX_DISTANCES = {
    "40 days": (days_before(40, "12:00"), ["welcome", *ADVICE, "day_before", "morning"], ()),
    "6 days": (days_before(6, "12:00"), ["catchup", *ADVICE[1:], "day_before", "morning"], ADVICE[:1]),
    "2 days": (days_before(2, "12:00"), ["catchup", "day_before", "morning"], ADVICE),
    "18 hours": (days_before(1, "19:45"), ["catchup", "day_before", "morning"], ADVICE),
    "5 hours": (days_before(0, "08:59"), ["catchup", "day_before"], ADVICE),
    "1 hour": (days_before(0, "13:00"), ["catchup"], ADVICE),
}


@pytest.mark.parametrize("distance", SIX_DISTANCES)
def test_a_late_sign_up_at_six_distances(distance: str) -> None:
    confirmed, before, merged = SIX_DISTANCES[distance]
    ana = Diary(interview(confirmed)).live(at("2026-06-19 14:00"))
    assert ana.steps_left() == before
    assert ana.history[0].merged == merged
    ana.live_on()
    assert ana.left()[len(before) :] == FOLLOW_UPS


@pytest.mark.parametrize("hours", range(0, 24 * 14, 5))
def test_nobody_gets_a_burst_whenever_they_join(hours: int) -> None:
    """Mautic #6062, Dittofeed: every missed email at once. Here never more than two in six hours."""
    ana = Diary(interview(at("2026-06-07 00:30") + timedelta(hours=hours)))
    ana.live(ana.now + timedelta(hours=6))
    assert len(ana.left()) <= 2
    assert {"welcome", "catchup"} & set(ana.steps_left())


def test_each_step_says_why_it_did_not_come() -> None:
    ana = Diary(interview(at("2026-06-19 12:30")))
    assert ana.reasons([*ADVICE, "welcome"]) == dict.fromkeys(
        [*ADVICE, "welcome"], Reason.MERGED_INTO_CATCHUP
    )
    assert ana.reasons(["day_before", "morning"]) == dict.fromkeys(
        ["day_before", "morning"], Reason.EXPIRED_LATE_JOIN
    )
