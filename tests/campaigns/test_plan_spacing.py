"""The gap, the window and the distance some emails keep: they defer, they drop only at the end."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta

from diary import ANA, SHIPPED, Diary, at, days_before, interview, sequence_of

from campaigns.reasons import Reason

ADVICE = """key = "{key}"
title = "{key}"
day = {day}
time = {time}
expires = {{ day = {until}, time = 20:00:00 }}
late = "send"
once_per = "enrollment"
"""


def advice(key: str, day: int, wall: str = "09:00:00", until: int = 0) -> str:
    return ADVICE.format(key=key, day=day, time=wall, until=until)


def test_an_email_within_the_gap_of_the_one_before_waits() -> None:
    ana = Diary(interview(at("2026-06-12 06:00")))
    details = ana.look("details")
    assert (details.due_at, details.reason) == (at("2026-06-13 07:00"), Reason.DEFERRED_GAP)
    ana = Diary(interview(at("2026-06-11 19:00")))
    details = ana.look("details")
    assert (details.due_at, details.reason) == (at("2026-06-12 13:00"), Reason.DEFERRED_GAP)


def test_what_left_late_pushes_what_follows() -> None:
    ana = Diary(interview(days_before(20, "12:00"))).live(at("2026-06-15 12:00"))
    last = replace(ana.history[-1], left_at=at("2026-06-15 19:00"))
    ana.history[-1] = last
    assert ana.look("salary").due_at == at("2026-06-16 13:00")


def test_a_deferral_past_the_end_is_the_recorded_reason() -> None:
    short = advice("short", -7, until=-7).replace("20:00:00", "12:00:00")
    ana = Diary(
        interview(days_before(20, "12:00")), sequence=sequence_of(advice("first", -7, "08:00:00"), short)
    )
    send = ana.look("short")
    assert (send.due_at, send.reason) == (None, Reason.DEFERRED_GAP)
    assert "past its end" in send.detail


def test_deferred_emails_keep_their_order() -> None:
    steps = [advice(key, -7, f"{hour:02}:00:00") for key, hour in (("a", 8), ("b", 9), ("c", 10))]
    ana = Diary(interview(days_before(20, "12:00")), sequence=sequence_of(*steps)).live_on()
    assert ana.left() == [("a", "Fri 12 08:00"), ("b", "Sat 13 07:00"), ("c", "Sun 14 07:00")]


def test_an_email_bound_to_its_day_waits_for_nobody_and_the_others_keep_away_from_it() -> None:
    bound = advice("bound", -1, "16:00:00") + 'exempt = ["gap"]\n'
    ana = Diary(
        interview(days_before(20, "12:00")), sequence=sequence_of(advice("free", -1, "09:00:00"), bound)
    )
    assert ana.look("bound").due_at == days_before(1, "16:00")
    # Seven hours before would be too close; eighteen hours after it is the day itself.
    assert ana.look("free").due_at == days_before(0, "10:00")


def test_a_notice_neither_waits_nor_is_waited_for() -> None:
    ana = Diary(interview(days_before(20, "12:00"))).live(at("2026-06-12 08:00"))
    ana.move(held_on=date(2026, 6, 19), start_time=time(15)).live(at("2026-06-12 12:00"))
    assert ana.left()[1:] == [("moved", "Fri 12 08:00"), ("details", "Fri 12 09:00")]


def test_a_nudge_deferred_into_the_weekend_waits_for_monday() -> None:
    ana = Diary(interview(days_before(20, "12:00"))).live(at("2026-06-25 12:00"))
    # Something left on Thursday evening, so Friday 09:30 is too near, and Friday 20:30 is too late.
    extra = replace(ana.history[-1], step="extra", left_at=at("2026-06-26 02:30"))
    ana.history.append(extra)
    assert ana.look("checkin").due_at == at("2026-06-29 07:00")


def test_thanks_after_an_evening_interview_come_the_next_morning_at_eight() -> None:
    for start, thanks in ((time(16), "2026-06-19 19:00"), (time(18), "2026-06-20 08:00")):
        ana = Diary(interview(days_before(20, "12:00"), start_time=start))
        assert ana.look("thanks").due_at == at(thanks)


def test_the_morning_keeps_ten_hours_from_the_checklist_and_the_short_version() -> None:
    ana = Diary(interview(at("2026-06-18 22:30")))
    assert ana.look("catchup").due_at == at("2026-06-18 22:30")
    ana = ana.live(at("2026-06-19 12:00"))
    assert ana.left() == [("catchup", "Thu 18 22:30"), ("day_before", "Fri 19 07:00")]
    morning = ana.look("morning")
    assert morning.reason is Reason.CONDITION_FALSE
    assert "came less than 10 hours before" in morning.detail


def test_an_interview_before_nine_has_no_email_that_morning() -> None:
    for start, reason in (
        (time(8, 59), Reason.CONDITION_FALSE),
        (time(9), Reason.CONDITION_FALSE),
        (time(9, 30), None),
    ):
        ana = Diary(interview(days_before(20, "12:00"), start_time=start))
        assert ana.look("morning").reason is reason, start


def test_nothing_leaves_outside_the_hours_of_the_window() -> None:
    ana = Diary(interview(days_before(5, "23:00"))).live_on()
    late = {"welcome", "catchup"}
    for step, moment in ana.left():
        assert step in late or "07:00" <= moment[-5:] <= "20:00", (step, moment)


def test_jitter_is_a_persons_own_and_spreads_people_evenly() -> None:
    def salary(person: int) -> float:
        diary = Diary(interview(days_before(20, "12:00")), person=replace(ANA, id=person), sequence=SHIPPED)
        due = diary.look("salary").due_at
        assert due
        return (due - days_before(3, "09:00")).total_seconds()

    delays = [salary(person) for person in range(400)]
    assert delays == [salary(person) for person in range(400)]
    assert all(delay == int(delay) and 0 <= delay < 540 for delay in delays)
    thirds = [sum(low <= delay < low + 180 for delay in delays) for low in (0, 180, 360)]
    assert min(thirds) > 90


def test_two_hours_before_the_start_is_the_last_moment_whatever_the_timetable_says() -> None:
    bold = advice("bold", 0, "08:00:00").replace("20:00:00", "23:00:00")
    for start, due in ((time(10, 30), days_before(0, "08:00")), (time(9, 30), None)):
        ana = Diary(interview(days_before(20, "12:00"), start_time=start), sequence=sequence_of(bold))
        assert ana.look("bold").due_at == due
        assert ana.look("bold").expires_at == days_before(0, f"{start:%H:%M}") - timedelta(hours=2)


def test_a_step_counted_from_another_is_before_the_interview_as_well() -> None:
    chained = advice("chained", 6, "12:30:00").replace("day = 6", 'after_step = "first"\nday = 6')
    sequence = sequence_of(advice("first", -6), chained.replace("day = 0, time = 20", "day = 5, time = 20"))
    ana = Diary(interview(days_before(20, "12:00"), start_time=time(14)), sequence=sequence)
    assert ana.look("chained").reason is Reason.CONDITION_FALSE
