"""People who want to be left alone for a while, and come back."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from diary import ANA, Diary, at, days_before, interview, sequence_of

from campaigns.facts import Rest
from campaigns.reasons import Reason

ADVICE = ("details", "people", "format", "salary", "questions")


def paused(ana: Diary, ends_at: datetime | None) -> Diary:
    """As `subscribers.pause_emails` does, from now on."""
    rests = (*ana.passages[1].rests, Rest(began_at=ana.now, ends_at=ends_at))
    return ana.change(rests=rests)


def gone_on(ana: Diary) -> Diary:
    *before, last = ana.passages[1].rests
    return ana.change(rests=(*before, replace(last, ends_at=ana.now)))


def eleven_days_before() -> Diary:
    return Diary(interview(days_before(11, "10:00"))).live(days_before(11, "12:00"))


def test_until_further_notice_nothing_leaves_and_the_reason_says_so() -> None:
    ana = paused(eleven_days_before(), None)
    assert ana.live(days_before(1, "23:00")).steps_left() == ["welcome"]
    assert set(ana.reasons((*ADVICE, "day_before", "morning")).values()) == {Reason.PAUSED_BY_SUBSCRIBER}


def test_going_on_brings_what_was_missed_as_one_email_and_then_the_rest_on_its_day() -> None:
    ana = paused(eleven_days_before(), None).live(days_before(3, "12:00"))
    gone_on(ana).live_on()
    assert ana.left()[1:6] == [
        ("catchup", "Tue 16 12:00"),
        ("questions", "Wed 17 09:00"),
        ("day_before", "Thu 18 16:00"),
        ("morning", "Fri 19 07:00"),
        ("thanks", "Fri 19 17:00"),
    ]
    catchup = next(past for past in ana.history if past.step == "catchup")
    assert catchup.merged == ("details", "people", "format", "salary")


def test_a_pause_until_a_day_shows_at_once_what_will_come_after_it() -> None:
    ana = paused(eleven_days_before(), days_before(3, "07:00"))
    catchup = ana.look("catchup")
    assert (catchup.due_at, catchup.merged) == (days_before(3, "07:00"), ADVICE[:4])
    assert ana.look("questions").due_at == days_before(2, "09:00")
    assert ana.live(days_before(3, "06:59")).steps_left() == ["welcome"]
    assert ana.live(days_before(3, "07:00")).steps_left() == ["welcome", "catchup"]


def test_nothing_leaves_during_a_pause_whatever_is_due_then() -> None:
    began, ends = days_before(6, "12:00"), days_before(0, "07:00")
    ana = Diary(interview(days_before(20, "12:00"))).live(began)
    paused(ana, ends).live_on()
    assert [past.step for past in ana.history if began < past.left_at < ends] == []
    assert [step for step, _ in ana.left()][:4] == ["welcome", "details", "catchup", "day_before"]


def test_a_pause_over_the_interview_leaves_only_the_follow_ups() -> None:
    ana = paused(eleven_days_before(), at("2026-06-22 07:00")).live_on()
    assert ana.steps_left() == ["welcome", "checkin", "second_nudge", "farewell"]
    assert set(ana.reasons((*ADVICE, "day_before", "morning", "thanks")).values()) == {
        Reason.PAUSED_BY_SUBSCRIBER
    }


def test_what_was_missed_by_joining_late_keeps_that_reason() -> None:
    ana = Diary(interview(days_before(0, "08:00"))).live(days_before(0, "08:30"))
    paused(ana, None)
    ana.live(days_before(0, "13:00"))
    gone_on(ana)
    assert ana.look("morning").reason is Reason.EXPIRED_LATE_JOIN


def test_a_short_pause_with_nothing_due_in_it_changes_nothing() -> None:
    undisturbed = eleven_days_before().live_on()
    ana = paused(eleven_days_before(), None).live(days_before(9, "12:00"))
    gone_on(ana).live_on()
    assert ana.left() == undisturbed.left()


def test_an_answer_to_what_was_done_in_a_pause_is_not_sent_after_it() -> None:
    ana = paused(eleven_days_before(), None)
    ana.move(held_on=interview().held_on + timedelta(days=7))
    ana.live(ana.now + timedelta(hours=1))
    gone_on(ana)
    assert ana.look("moved").reason is Reason.PAUSED_BY_SUBSCRIBER
    assert ana.live_on().steps_left().count("moved") == 0


def test_a_second_pause_does_not_bring_back_what_the_first_left_out() -> None:
    ana = paused(eleven_days_before(), None).live(days_before(9, "12:00"))
    ana.tell("offer").live(days_before(9, "13:00"))
    gone_on(ana).live(days_before(8, "12:00"))
    paused(ana, None).live(days_before(7, "12:00"))
    gone_on(ana).live_on()
    assert "offer" not in ana.steps_left()


def test_a_goodbye_that_was_asked_for_comes_all_the_same() -> None:
    ana = paused(eleven_days_before(), None)
    ana.be(suppression=Reason.UNSUBSCRIBED, unsubscribed_at=ana.now, wants_goodbye=True).live_on()
    assert ana.steps_left() == ["welcome", "goodbye"]


def test_only_one_of_two_interviews_rests() -> None:
    nearer = interview(days_before(11, "10:00"))
    later = replace(nearer, id=2, held_on=nearer.held_on + timedelta(days=40))
    rested = replace(nearer, rests=(Rest(began_at=days_before(11, "11:00")),))
    ana = Diary(rested, later).live_on(120)
    assert "day_before" not in ana.steps_left(enrollment=1)
    assert "day_before" in ana.steps_left(enrollment=2)


def test_a_sequence_without_a_catch_up_waits_for_the_end_of_the_pause_too() -> None:
    reminder = """
        key = "eve"
        title = "Tomorrow"
        day = -1
        time = 09:00:00
        expires = { after = "interview_start", delay = "-3h" }
        late = "send"
        once_per = "date"
    """
    ana = Diary(interview(days_before(5, "10:00")), person=ANA, sequence=sequence_of(reminder))
    paused(ana, days_before(1, "12:00")).live_on()
    assert ana.left() == [("eve", "Thu 18 12:00")]
