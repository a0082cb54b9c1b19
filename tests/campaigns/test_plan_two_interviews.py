"""Ana has two interviews: two passages, each with its own emails, and advice that is not said twice."""

from __future__ import annotations

from datetime import date, time, timedelta
from itertools import pairwise

import pytest
from diary import FRIDAY, Diary, at, days_before, interview

from campaigns.reasons import Reason

ADVICE = ("details", "people", "format", "salary", "questions")
LONG_AGO = days_before(20, "12:00")


def second(held_on: date, **facts: object) -> Diary:
    """Friday's interview, and another one; both signed up long before."""
    other = interview(LONG_AGO - timedelta(days=30), id=2, held_on=held_on, **facts)
    return Diary(interview(LONG_AGO), other)


def test_in_the_same_week_the_nearer_one_carries_the_advice() -> None:
    ana = second(date(2026, 6, 17)).live_on(90)
    assert [step for step in ana.steps_left(2) if step in ADVICE] == list(ADVICE)
    assert [step for step in ana.steps_left(1) if step in ADVICE] == []
    assert ana.steps_left(1) == [
        "welcome", "day_before", "morning", "thanks", "checkin", "second_nudge", "farewell",
    ]  # fmt: skip
    assert ana.look("details").reason is Reason.DUPLICATE_ADVICE


def test_emails_that_wait_for_the_gap_wait_for_those_of_the_other_interview_too() -> None:
    ana = second(date(2026, 6, 17)).live_on(90)
    waiting = {"details", "people", "format", "salary", "questions", "checkin", "second_nudge", "farewell"}
    moments = sorted((past.left_at, past.step) for past in ana.history if past.left_at)
    for (earlier, _), (later, step) in pairwise(moments):
        if step in waiting:
            assert later - earlier >= timedelta(hours=18), step


@pytest.mark.parametrize(("apart", "again"), [(29, False), (30, False), (31, True)])
def test_the_same_advice_comes_again_only_after_thirty_days(apart: int, again: bool) -> None:
    ana = second(FRIDAY + timedelta(days=apart)).live_on(120)
    assert ("details" in ana.steps_left(2)) == again


def test_thirty_days_are_days_of_the_calendar_across_a_clock_change() -> None:
    day = date(2026, 10, 2)
    ana = Diary(
        interview(at("2026-09-01 12:00"), held_on=day),
        interview(at("2026-09-01 12:00"), id=2, held_on=day + timedelta(days=30)),
    ).live_on(120)
    assert "details" not in ana.steps_left(2)


def test_the_nearer_one_canceled_in_time_hands_the_advice_over() -> None:
    ana = second(date(2026, 6, 17)).live(at("2026-06-09 12:00"))
    ana.cancel(enrollment=2).live_on(90)
    assert [step for step in ana.steps_left(1) if step in ADVICE] == list(ADVICE)


def test_the_nearer_one_canceled_late_leaves_to_the_other_what_has_not_been_said() -> None:
    ana = second(date(2026, 6, 17)).live(at("2026-06-13 12:00"))
    said = [step for step in ana.steps_left(2) if step in ADVICE]
    ana.cancel(enrollment=2).live_on(90)
    assert said == ["details", "people", "format"]
    assert [step for step in ana.steps_left(1) if step in ADVICE] == ["salary", "questions"]


def test_a_second_interview_sooner_than_the_first_repeats_nothing_that_was_said() -> None:
    ana = Diary(interview(LONG_AGO)).live(at("2026-06-15 12:00"))
    assert [step for step in ana.steps_left() if step in ADVICE] == ["details", "people", "format"]
    ana.passages[2] = interview(ana.now, id=2, held_on=date(2026, 6, 18))
    ana.live_on(90)
    catchup = next(past for past in ana.history if past.step == "catchup")
    assert (catchup.enrollment, catchup.merged) == (2, ("salary",))
    assert "questions" in ana.steps_left(2)
    assert not {"salary", "questions"} & set(ana.steps_left(1))


def test_two_on_one_day_each_has_its_eve_and_its_thanks() -> None:
    ana = second(FRIDAY, start_time=time(9, 30)).live_on(90)
    for enrollment in (1, 2):
        assert {"day_before", "morning", "thanks"} <= set(ana.steps_left(enrollment))


def test_outcome_and_cancel_of_one_leave_the_other_alone() -> None:
    ana = second(date(2026, 6, 26)).live(at("2026-06-19 18:00")).tell("rejected").live_on(90)
    assert "checkin" not in ana.steps_left(1)
    assert {"day_before", "thanks", "checkin"} <= set(ana.steps_left(2))


def test_goodbye_is_said_once() -> None:
    ana = second(date(2026, 6, 26)).live(at("2026-06-15 12:00"))
    ana.be(unsubscribed_at=ana.now, wants_goodbye=True, suppression=Reason.UNSUBSCRIBED)
    # Friday passes: the other interview is the nearer one now, and goodbye has been said.
    ana.live(at("2026-06-16 11:00")).live_on(90)
    assert ana.steps_left().count("goodbye") == 1
    assert ana.steps_left()[-1] == "goodbye"
