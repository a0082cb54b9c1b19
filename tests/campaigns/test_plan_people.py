"""Who may be written to: confirmations, unsubscribes, bounces."""

from __future__ import annotations

from datetime import timedelta

import pytest
from diary import Diary, days_before, interview

from campaigns.reasons import Reason

MORNING = days_before(20, "09:00")


def pending() -> Diary:
    return Diary(interview(requested_at=MORNING))


def ask_again(ana: Diary, after: timedelta) -> None:
    ana.live(ana.now + after)
    ana.change(requested_at=ana.now)


def test_before_the_confirmation_nothing_leaves_but_the_request_for_it() -> None:
    ana = pending().live_on()
    assert ana.steps_left() == ["confirm", "confirm_again"]
    assert [send.step for send in ana.plan()] == ["confirm", "confirm_again"]


def test_a_confirmation_not_sent_in_a_day_is_not_sent() -> None:
    ana = pending().sleep(MORNING + timedelta(hours=24))
    assert ana.look("confirm").reason is Reason.EXPIRED_OUTAGE
    assert ana.live_on().steps_left() == ["confirm_again"]  # the only one they get


def test_a_form_sent_again_within_ten_minutes_waits() -> None:
    ana = pending()
    ask_again(ana, timedelta(minutes=4))
    send = ana.look("confirm")
    assert (send.due_at, send.reason) == (MORNING + timedelta(minutes=10), Reason.DEFERRED_GAP)


def test_at_most_three_confirmations_a_day_and_five_a_month_reach_an_address() -> None:
    ana = pending()
    for _ in range(200):
        ask_again(ana, timedelta(hours=1))
    moments = [past.left_at for past in ana.history if past.left_at]
    assert len(moments) == 5
    for first, fourth in zip(moments, moments[3:], strict=False):
        assert fourth - first >= timedelta(days=1)


def test_sign_ups_for_many_days_share_the_limit() -> None:
    ana = Diary(*(interview(id=n, requested_at=MORNING) for n in range(1, 9)))
    ana.live(MORNING + timedelta(hours=23))
    assert ana.steps_left() == ["confirm"] * 3


def test_who_confirms_while_a_second_request_waits_is_not_asked_again() -> None:
    ana = pending()
    ask_again(ana, timedelta(minutes=4))
    ana.change(confirmed_at=ana.now).live(MORNING + timedelta(hours=12))
    assert ana.steps_left() == ["confirm", "welcome"]
    assert ana.look("confirm").reason is Reason.CONDITION_FALSE


def test_unsubscribed_on_the_eve_nothing_follows() -> None:
    ana = Diary(interview(MORNING)).live(days_before(1, "15:59"))
    ana.be(unsubscribed_at=ana.now, suppression=Reason.UNSUBSCRIBED)
    so_far = ana.steps_left()
    ana.live_on()
    assert ana.steps_left() == so_far
    assert ana.look("day_before").reason is Reason.UNSUBSCRIBED
    assert ana.look("goodbye").reason is Reason.UNSUBSCRIBED or ana.look("goodbye").due_at is None


def test_a_goodbye_leaves_only_when_asked_for() -> None:
    for asked in (True, False):
        ana = Diary(interview(MORNING)).live(days_before(9, "12:00"))
        ana.be(unsubscribed_at=ana.now, suppression=Reason.UNSUBSCRIBED, wants_goodbye=asked).live_on()
        assert ("goodbye" in ana.steps_left()) == asked


@pytest.mark.parametrize(
    "reason",
    [Reason.SUPPRESSED_BOUNCE, Reason.SUPPRESSED_COMPLAINT, Reason.SUPPRESSED_BY_OPERATOR, Reason.ERASED],
)
def test_nothing_at_all_is_sent_to_a_suppressed_address(reason: Reason) -> None:
    ana = Diary(interview(MORNING), interview(id=2, requested_at=MORNING))
    ana.be(suppression=reason, unsubscribed_at=MORNING, wants_goodbye=True)
    assert {send.reason for send in ana.plan()} == {reason}


def test_somebody_who_left_may_sign_up_again_and_is_asked_to_confirm() -> None:
    ana = pending().be(suppression=Reason.UNSUBSCRIBED, unsubscribed_at=MORNING - timedelta(days=3))
    assert ana.look("confirm").due_at == MORNING


def test_coming_back_the_sequence_goes_on_without_a_burst() -> None:
    ana = Diary(interview(MORNING)).live(days_before(6, "12:00"))
    ana.be(suppression=Reason.UNSUBSCRIBED, unsubscribed_at=ana.now).live(days_before(2, "12:00"))
    ana.be(suppression=None, unsubscribed_at=None).live(days_before(0, "13:00"))
    assert ana.left()[2:] == [
        ("questions", "Wed 17 12:00"),
        ("day_before", "Thu 18 16:00"),
        ("morning", "Fri 19 07:00"),
    ]


def test_one_reminder_a_day_later_at_the_same_hour_and_never_another() -> None:
    ana = pending().live_on()
    assert ana.left() == [("confirm", "Sat 30 09:00"), ("confirm_again", "Sun 31 09:00")]


def test_who_signs_up_again_after_the_reminder_is_not_reminded_twice() -> None:
    ana = pending().live(MORNING + timedelta(hours=30))
    ana.change(requested_at=ana.now).live_on()
    assert ana.steps_left() == ["confirm", "confirm_again", "confirm"]


def test_who_has_confirmed_is_not_reminded() -> None:
    ana = pending().live(MORNING + timedelta(hours=1))
    ana.change(confirmed_at=ana.now).live(MORNING + timedelta(hours=60))
    assert "confirm_again" not in ana.steps_left()


def test_nobody_is_reminded_of_a_date_that_has_begun_or_was_yesterday() -> None:
    """Less than a day and two hours ahead: the reminder would come too late to be of use."""
    for days, wall in ((1, "15:00"), (0, "08:00"), (-1, "12:00")):
        ana = Diary(interview(requested_at=days_before(days, wall))).live_on()
        assert ana.steps_left() == ["confirm"]


def test_the_reminder_of_a_confirmation_that_had_to_wait_waits_as_long() -> None:
    ana = pending()
    for _ in range(3):
        ask_again(ana, timedelta(minutes=30))
    third = ana.look("confirm").due_at
    assert third == MORNING + timedelta(days=1)
    assert ana.look("confirm_again").due_at == third + timedelta(hours=24)


def test_somebody_who_had_unsubscribed_is_asked_once_and_not_reminded() -> None:
    ana = pending().be(suppression=Reason.UNSUBSCRIBED).live_on()
    assert ana.steps_left() == ["confirm"]


def test_reminders_count_towards_the_limit_of_an_address() -> None:
    days = (interview(id=n, requested_at=MORNING) for n in range(1, 9))
    ana = Diary(*days).live_on()
    moments = [past.left_at for past in ana.history if past.left_at]
    assert len(moments) <= 5
    for first, fourth in zip(moments, moments[3:], strict=False):
        assert fourth - first >= timedelta(days=1)
