"""Dates move, interviews are canceled, people move house, and something comes of it all."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta

import pytest
from diary import KIRI, Diary, at, days_before, interview

from campaigns.reasons import Reason
from campaigns.sequence import CalendarRule, Step

NEXT_FRIDAY = date(2026, 6, 26)
DAY_BOUND = ("day_before", "morning", "thanks")


def halfway() -> Diary:
    """Ana signed up long ago; it is Tuesday noon, her interview is on Friday."""
    return Diary(interview(days_before(20, "12:00"))).live(at("2026-06-16 12:00"))


def test_moved_later_the_rest_waits_and_nothing_comes_twice() -> None:
    ana = halfway()
    so_far = ana.steps_left()
    ana.move(held_on=NEXT_FRIDAY).live_on()
    assert so_far == ["welcome", "details", "people", "format", "salary"]
    assert ana.left()[len(so_far) :] == [
        ("moved", "Tue 16 12:00"),
        ("questions", "Wed 24 09:00"),
        ("day_before", "Thu 25 16:00"),
        ("morning", "Fri 26 07:00"),
        ("thanks", "Fri 26 17:00"),
        ("checkin", "Fri 03 09:30"),
        ("second_nudge", "Fri 10 09:30"),
        ("farewell", "Fri 24 10:00"),
    ]


def test_moved_earlier_what_is_missed_comes_as_one_catch_up() -> None:
    """PostHog forgot the other direction: a date can move nearer, too."""
    ana = Diary(interview(days_before(20, "12:00"))).live(at("2026-06-10 12:00"))
    assert ana.steps_left() == ["welcome"]
    ana.move(held_on=date(2026, 6, 12)).live(at("2026-06-12 13:59"))
    assert ana.left()[1:] == [
        ("moved", "Wed 10 12:00"),
        ("catchup", "Wed 10 12:00"),
        ("day_before", "Thu 11 16:00"),
        ("morning", "Fri 12 07:00"),
    ]
    catchup = next(past for past in ana.history if past.step == "catchup")
    assert catchup.merged == ("details", "people", "format", "salary", "questions")


def test_moved_to_the_past_only_the_follow_up_path_remains() -> None:
    ana = Diary(interview(days_before(20, "12:00"))).live(at("2026-06-10 12:00"))
    ana.move(held_on=date(2026, 6, 8)).live_on()
    assert ana.steps_left() == ["welcome", "moved", "checkin", "second_nudge", "farewell"]


def test_moved_twice_within_minutes_one_notice_for_each_and_one_plan() -> None:
    ana = halfway().move(held_on=NEXT_FRIDAY)
    ana.sleep(ana.now + timedelta(minutes=3)).move(held_on=date(2026, 6, 25)).live_on()
    after = ana.steps_left()[5:]
    assert after == ["moved", "questions", *DAY_BOUND, "checkin", "second_nudge", "farewell"]


def test_another_hour_only_the_eve_and_the_morning_follow_the_new_start() -> None:
    ana = Diary(interview(days_before(20, "12:00"))).live(at("2026-06-18 17:00"))
    assert ana.steps_left()[-1] == "day_before"
    ana.move(start_time=time(9, 30)).live(at("2026-06-19 13:00"))
    # The checklist with the old hour has left; the new one is due again, and late: it comes at once.
    assert ana.left()[-4:] == [
        ("day_before", "Thu 18 17:00"),
        ("moved", "Thu 18 17:00"),
        ("morning", "Fri 19 07:00"),
        ("thanks", "Fri 19 12:30"),
    ]


def test_another_zone_only_every_moment_is_computed_anew() -> None:
    ana = halfway().move(zone="America/New_York")
    # Friday 14:00 in New York is 20:00 in Berlin: thanks at 23:00 wait for the morning.
    assert ana.look("thanks").due_at == at("2026-06-20 08:00")
    assert ana.look("day_before").due_at == at("2026-06-18 16:00")
    assert ana.look("morning").expires_at == at("2026-06-19 18:00")


def test_who_moves_house_gets_the_rest_by_the_new_clocks() -> None:
    ana = halfway().be(home_zone="America/New_York").live(at("2026-06-19 14:00"))
    assert ana.left()[-2:] == [("questions", "Wed 17 09:00"), ("day_before", "Thu 18 16:00")]
    # 14:00 in Berlin is 08:00 in New York: too early for the morning's email.
    assert ana.look("morning").reason is Reason.CONDITION_FALSE


def test_who_flies_east_across_a_step_gets_it_as_soon_as_the_gap_allows() -> None:
    # It is Wednesday 09:30 in Tokyo, half an hour after the questions were due there; the salary email left
    # at 09:00 in Berlin, eighteen hours before 10:00 in Tokyo.
    ana = halfway().live(at("2026-06-17 02:30")).be(home_zone="Asia/Tokyo").live(at("2026-06-18 01:00"))
    assert ana.left()[5:] == [("questions", "Wed 17 10:00")]


def test_a_canceled_interview_gets_one_confirmation_and_nothing_more() -> None:
    ana = halfway().cancel()
    waiting = [send.step for send in ana.plan() if send.is_open]
    assert waiting == ["canceled"]
    assert ana.look("questions").reason is Reason.CANCELED
    ana.live_on()
    assert ana.left()[-1] == ("canceled", "Tue 16 12:00")


def test_taken_up_again_it_goes_on_with_the_new_date() -> None:
    ana = halfway().cancel().live(at("2026-06-20 12:00"))
    ana.move(held_on=NEXT_FRIDAY).live_on()
    assert ana.steps_left()[5:] == [
        "canceled",
        "moved",
        "questions",
        *DAY_BOUND,
        "checkin",
        "second_nudge",
        "farewell",
    ]


def test_canceled_again_after_it_was_taken_up_is_confirmed_again() -> None:
    ana = halfway().cancel().live(at("2026-06-17 12:00"))
    ana.move(held_on=NEXT_FRIDAY).live(at("2026-06-18 12:00")).cancel().live_on()
    assert ana.steps_left().count("canceled") == 2


@pytest.mark.parametrize(
    ("outcome", "answer"),
    [
        ("offer", ("offer", "Sat 20 22:30")),
        ("next_round", ("next_round", "Sat 20 22:30")),
        ("rejected", ("rejected", "Sun 21 09:30")),
    ],
)
def test_an_outcome_told_stops_the_nudges_and_gets_its_own_answer(
    outcome: str, answer: tuple[str, str]
) -> None:
    ana = Diary(interview(days_before(20, "12:00"))).live(at("2026-06-20 22:30"))
    ana.tell(outcome).live_on()
    assert ana.left()[-2:] == [answer, ("farewell", "Fri 17 10:00")]
    assert set(ana.reasons(["checkin", "second_nudge"]).values()) == {Reason.OUTCOME_KNOWN}


def test_an_outcome_corrected_is_answered_as_it_is_now() -> None:
    ana = Diary(interview(days_before(20, "12:00"))).live(at("2026-06-20 12:00")).tell("rejected")
    ana.live(at("2026-06-20 13:00")).tell("offer").live_on()
    assert ana.steps_left()[-2:] == ["offer", "farewell"]
    assert ana.look("rejected").reason is Reason.CONDITION_FALSE


def test_told_before_the_thanks_no_thanks_is_sent() -> None:
    ana = Diary(interview(days_before(20, "12:00"))).live(at("2026-06-19 16:00")).tell("offer")
    assert ana.look("thanks").reason is Reason.OUTCOME_KNOWN


def test_a_known_decision_day_moves_the_nudge_to_the_business_day_after() -> None:
    ana = Diary(interview(days_before(20, "12:00"))).live(at("2026-06-20 12:00"))
    ana.change(decision_on=date(2026, 7, 3)).live_on()  # a Friday
    assert ana.left()[-3:] == [
        ("checkin", "Mon 06 09:30"),
        ("second_nudge", "Mon 13 09:30"),
        ("farewell", "Fri 17 10:00"),
    ]


def test_a_decision_day_before_the_new_date_is_void() -> None:
    told = interview(days_before(20, "12:00"), decision_on=date(2026, 6, 24))
    ana = Diary(told).live(at("2026-06-16 12:00"))
    ana.move(held_on=NEXT_FRIDAY)
    assert ana.look("checkin").due_at == at("2026-07-03 09:30")


def test_a_move_right_after_a_catch_up_brings_no_welcome_as_well() -> None:
    ana = Diary(interview(at("2026-06-16 08:00"))).live(at("2026-06-16 12:00"))
    ana.move(held_on=NEXT_FRIDAY).live(at("2026-06-17 20:00"))
    assert ana.steps_left() == ["catchup", "moved"]


def test_what_was_done_before_confirming_is_not_confirmed_by_an_email() -> None:
    ana = Diary(interview(days_before(9, "12:00"), moved_at=days_before(10, "12:00"), revision=1))
    assert "moved" not in {send.step for send in ana.plan()}


def test_a_home_zone_changed_sends_no_notice_twice() -> None:
    ana = halfway().cancel().live(at("2026-06-16 12:05")).be(home_zone=KIRI.home_zone).live_on()
    assert ana.steps_left().count("canceled") == 1


def test_a_changed_hour_of_a_step_moves_who_waits_and_nobody_who_has_had_it() -> None:
    """Mautic #838."""
    ana = halfway()
    ana.sequence = replace(ana.sequence, steps=tuple(_at_eleven(step) for step in ana.sequence.steps))
    ana.live(at("2026-06-17 20:00"))
    assert ana.left()[-2:] == [("salary", "Tue 16 09:00"), ("questions", "Wed 17 11:00")]


def _at_eleven(step: Step) -> Step:
    if step.key not in ("salary", "questions") or not isinstance(step.rule, CalendarRule):
        return step
    return replace(step, rule=replace(step.rule, time=time(11)))
