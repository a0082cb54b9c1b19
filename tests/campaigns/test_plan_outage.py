"""We were down, somebody paused the campaign, or its timetable changed: nothing bursts."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta

import pytest
from diary import ON_THE_MINUTE, Diary, at, days_before, interview, sequence_of

from campaigns.facts import Past
from campaigns.planning import plan
from campaigns.reasons import Reason
from campaigns.sequence import Sequence, Step

LONG_AGO = days_before(20, "12:00")


def before(moment: str) -> Diary:
    return Diary(interview(LONG_AGO)).live(at(moment))


def test_three_hours_what_was_due_leaves_when_we_are_back() -> None:
    ana = before("2026-06-16 08:00").sleep(at("2026-06-16 11:00")).live(at("2026-06-16 20:00"))
    assert ana.left()[-1] == ("salary", "Tue 16 11:00")


def test_what_can_only_leave_with_the_next_step_leaves_it_to_that_one() -> None:
    ana = before("2026-06-18 15:00").sleep(at("2026-06-18 21:00"))
    assert ana.look("day_before").reason is Reason.EXPIRED_OUTAGE
    ana.live(at("2026-06-19 13:00"))
    assert ana.left()[6:] == [("morning", "Fri 19 07:00")]


def test_an_outage_that_ends_at_night_waits_for_the_window() -> None:
    ana = Diary(interview(LONG_AGO, start_time=time(17))).live(at("2026-06-19 19:00"))
    ana.sleep(at("2026-06-19 21:30"))
    assert ana.look("thanks").due_at == at("2026-06-20 08:00")
    ana = before("2026-06-12 08:00").sleep(at("2026-06-12 22:00"))
    details = ana.look("details")
    assert (details.due_at, details.reason) == (at("2026-06-13 07:00"), Reason.DEFERRED_WINDOW)


def test_three_days_only_the_latest_that_is_still_valid_leaves() -> None:
    ana = before("2026-06-14 08:00").sleep(at("2026-06-17 10:00"))
    reasons = ana.reasons(["people", "format", "salary"])
    assert set(reasons.values()) == {Reason.EXPIRED_OUTAGE}
    ana.live(at("2026-06-18 20:00"))
    assert ana.left()[1:] == [
        ("details", "Fri 12 09:00"),
        ("questions", "Wed 17 10:00"),
        ("day_before", "Thu 18 16:00"),
    ]
    assert ana.reasons(["people", "format", "salary"]) == reasons


def test_an_outage_over_the_interview_leaves_only_what_still_helps() -> None:
    ana = before("2026-06-17 12:00").sleep(at("2026-06-19 18:00")).live_on()
    assert ana.left()[6:] == [
        ("thanks", "Fri 19 18:00"),
        ("checkin", "Fri 26 09:30"),
        ("second_nudge", "Fri 03 09:30"),
        ("farewell", "Fri 17 10:00"),
    ]


def test_a_catch_up_that_was_held_up_takes_in_what_came_due_meanwhile() -> None:
    ana = Diary(interview(at("2026-06-15 08:00"))).sleep(at("2026-06-17 10:00")).live(at("2026-06-18 12:00"))
    assert ana.steps_left() == ["catchup"]
    assert ana.history[0].merged == ("details", "people", "format", "salary", "questions")


def test_a_catch_up_that_never_left_merged_nothing() -> None:
    ana = Diary(interview(at("2026-06-17 12:00"))).sleep(at("2026-06-19 13:55"))
    assert set(ana.reasons(["catchup", "details", "salary", "day_before"]).values()) == {
        Reason.EXPIRED_OUTAGE
    }


def test_paused_for_three_weeks_and_resumed_nothing_overdue_bursts() -> None:
    """Mautic #3340."""
    ana = before("2026-06-09 12:00").pause().live(at("2026-06-30 12:00"))
    assert ana.steps_left() == ["welcome"]
    ana.resume().live_on()
    assert ana.left()[1:] == [
        ("checkin", "Tue 30 12:00"),
        ("second_nudge", "Fri 03 09:30"),
        ("farewell", "Fri 17 10:00"),
    ]
    missed = ("details", "people", "format", "salary", "questions", "day_before", "morning", "thanks")
    assert set(ana.reasons(missed).values()) == {Reason.PAUSED_EXPIRED}


def test_a_short_pause_delays_and_loses_nothing() -> None:
    ana = (
        before("2026-06-16 08:00").pause().live(at("2026-06-16 15:00")).resume().live(at("2026-06-17 10:00"))
    )
    # The questions keep the gap to the salary email that left late.
    assert ana.left()[-2:] == [("salary", "Tue 16 15:00"), ("questions", "Wed 17 09:00")]


def test_a_step_that_waits_for_its_turn_is_not_overdue() -> None:
    """Two interviews crowd each other; what the gap defers is not what an outage missed."""
    other = interview(LONG_AGO, id=2, held_on=at("2026-06-18 12:00").date())
    ana = Diary(interview(LONG_AGO), other).live_on(90)
    for enrollment in (1, 2):
        lost = [
            s.step for s in ana.plan() if s.enrollment == enrollment and s.reason is Reason.EXPIRED_OUTAGE
        ]
        assert lost == []


def with_step(sequence: Sequence, step: Step, *, before: str) -> Sequence:
    steps: list[Step] = []
    for known in sequence.steps:
        steps += [step, known] if known.key == before else [known]
    return replace(sequence, steps=tuple(steps))


def publish(ana: Diary, sequence: Sequence) -> None:
    """A new version: steps that were not there are added now, as `register` writes it down."""
    began = at("2026-01-01 00:00")
    ana.added |= {("second_interview", step.key): began for step in ana.sequence.steps}
    ana.added |= {
        ("second_interview", step.key): ana.now for step in sequence.steps if step.key not in ana.sequence
    }
    ana.sequence = sequence


@pytest.mark.parametrize("late", ["merge", "send", "skip"])
def test_a_step_inserted_before_where_somebody_stands_is_not_sent_to_them(late: str) -> None:
    """Odoo #191371, CiviCRM #18298: a new reminder mailed everybody."""
    ana = before("2026-06-16 12:00")
    inserted = replace(
        ON_THE_MINUTE.step("format"), key="extra", late=type(ON_THE_MINUTE.steps[0].late)(late)
    )
    publish(ana, with_step(ana.sequence, inserted, before="format"))
    assert ana.look("extra").reason is Reason.SUPERSEDED_VERSION
    ana.live_on()
    assert "extra" not in ana.steps_left()


def test_a_step_inserted_ahead_of_somebody_reaches_them() -> None:
    ana = before("2026-06-13 12:00")
    publish(ana, with_step(ana.sequence, replace(ON_THE_MINUTE.step("format"), key="extra"), before="salary"))
    ana.live_on()
    assert "extra" in ana.steps_left()


def test_an_inserted_answer_is_not_given_to_acts_of_the_past() -> None:
    ana = before("2026-06-09 12:00")
    ana.change(confirmed_at=ana.now - timedelta(hours=1))
    publish(
        ana, with_step(ana.sequence, replace(ON_THE_MINUTE.step("welcome"), key="hello"), before="details")
    )
    assert ana.look("hello").reason is Reason.SUPERSEDED_VERSION


def test_a_date_that_moves_after_the_step_came_in_gets_it() -> None:
    ana = before("2026-06-16 12:00")
    publish(ana, with_step(ana.sequence, replace(ON_THE_MINUTE.step("format"), key="extra"), before="salary"))
    ana.sleep(at("2026-06-16 13:00")).move(held_on=at("2026-07-03 12:00").date()).live_on()
    assert "extra" in ana.steps_left()


def test_the_first_person_of_a_new_campaign_misses_nothing() -> None:
    """The campaign is written down a moment after its first sign-up was."""
    ana = Diary(interview(requested_at=LONG_AGO))
    ana.added = {("second_interview", s.key): LONG_AGO + timedelta(seconds=1) for s in ana.sequence.steps}
    assert ana.look("confirm").due_at == LONG_AGO


def test_a_removed_step_is_gone_and_what_counted_from_others_stays() -> None:
    ana = before("2026-06-16 12:00")
    kept = tuple(step for step in ana.sequence.steps if step.key not in ("questions", "salary"))
    ana.sequence = replace(ana.sequence, steps=kept)
    ana.live_on()
    assert ana.steps_left()[5:] == ["day_before", "morning", "thanks", "checkin", "second_nudge", "farewell"]


EVE = """
key     = "eve"
title   = "Eve"
day     = -1
time    = 16:00:00
expires = { after = "interview_start", delay = "-1h" }
late    = "send"
"""
MORNING = """
key     = "morning"
title   = "Morning"
day     = 0
time    = 07:00:00
expires = { after = "due", delay = "45m" }
late    = "skip"
"""


def once_more(step: str, left_at: str) -> Past:
    reason = Reason.UNKNOWN
    return Past(enrollment=1, step=step, occasion="r0", reason=reason, left_at=at(left_at))


@pytest.mark.parametrize("has_left", [False, True])
def test_what_may_have_left_has_passed_what_came_before_it(has_left: bool) -> None:
    """The morning's email was in doubt, was to go once more, and did not until its end."""
    order = 'once_per = "date"\nexempt = ["gap"]'
    sequence = sequence_of(f"{EVE}\n{order}", f"{MORNING}\n{order}")
    ana = Diary(interview(LONG_AGO), sequence=sequence).sleep(at("2026-06-19 07:50"))
    perhaps_left = (once_more("morning", "2026-06-19 07:01"),) if has_left else ()
    found = plan(replace(ana.situation, perhaps_left=perhaps_left), now=ana.now)
    assert {send.step: send.due_at is not None for send in found} == {"eve": not has_left, "morning": False}


def test_what_goes_once_more_is_not_passed_by_its_own_first_attempt() -> None:
    sequence = sequence_of(f'{EVE}\nonce_per = "date"\nexempt = ["gap"]')
    ana = Diary(interview(LONG_AGO), sequence=sequence).sleep(at("2026-06-19 08:00"))
    situation = replace(ana.situation, perhaps_left=(once_more("eve", "2026-06-19 07:10"),))
    (eve,) = plan(situation, now=ana.now)
    assert eve.due_at == days_before(1, "16:00")
