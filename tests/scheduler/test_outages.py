"""Outages, pauses, the brake: what is late, what expires, and who decides."""

from __future__ import annotations

from datetime import timedelta

from town import Town

from campaigns.reasons import Reason
from scheduler import Hold, State, release_brake
from scheduler.send import OPEN


def test_after_three_hours_what_is_still_valid_leaves_late(town: Town) -> None:
    town.ana()
    town.tick()
    tally = town.at("2026-11-27 12:03").tick()
    assert (tally.accepted, town.left()) == (1, ["welcome", "details"])


def test_after_three_days_only_the_latest_still_valid_step_leaves(town: Town) -> None:
    town.ana()
    town.tick()
    town.tick_until("2026-11-27 10:00")
    town.at("2026-12-02 09:20")  # details has left; people, format, salary and questions are due
    town.tick()
    assert town.left()[:2] == ["welcome", "details"]
    assert len(town.left()) == 3, "no burst"
    missed = [send for send in town.sends("people", "format", "salary") if send.step != town.left()[-1]]
    assert {(send.state, send.reason) for send in missed} == {(State.EXPIRED, Reason.EXPIRED_OUTAGE)}


def test_an_outage_over_the_interview_itself_wishes_nobody_luck_afterwards(town: Town) -> None:
    town.ana()
    town.tick()
    town.at("2026-12-04 15:30").tick()
    assert town.left() == ["welcome"]
    assert town.send("morning").reason == Reason.EXPIRED_OUTAGE


def test_while_paused_nothing_leaves_and_afterwards_nothing_bursts(town: Town) -> None:
    town.ana()
    town.tick()
    town.later(hours=1).pause()
    town.tick_until("2026-12-02 12:00", every=timedelta(hours=6))
    assert town.left() == ["welcome"]
    assert town.send("details").reason == Reason.PAUSED_EXPIRED
    town.resume()
    town.tick()
    assert len(town.left()) <= 2
    town.tick_until("2026-12-04 08:00")
    assert town.left()[-1] == "morning"


def test_the_brake_stops_a_clock_that_would_void_a_campaign(town: Town) -> None:
    town.people(21)
    town.tick(concurrency=4)
    town.at("2027-02-01 12:00")
    tally = town.tick()
    assert "is the clock right?" in tally.held
    assert not town.sends(state=State.EXPIRED)
    assert town.tick().held, "it stays on"
    town.at("2026-11-27 09:20")  # somebody has set the clock right
    assert town.tick().held, "and it is not for us to take it off"
    with town.write() as session:
        assert release_brake(session, now=town.now)
    assert town.tick(concurrency=4).accepted == 21


def test_released_what_has_ended_expires(town: Town) -> None:
    town.people(21)
    town.tick(concurrency=4)
    town.at("2027-02-01 12:00").tick()
    with town.write() as session:
        (hold,) = release_brake(session, now=town.now)
        assert "231 of" in hold.detail
    assert not town.tick().held
    assert not [send for send in town.sends() if send.state in OPEN]
    with town.write() as session:
        assert release_brake(session, now=town.now) == []


def test_twenty_may_expire_without_anybody_being_asked(town: Town) -> None:
    interview = town.ana()
    town.at("2027-02-01 12:00")
    assert not town.tick().held
    assert not [send for send in town.sends(subscriber_id=interview.subscriber_id) if send.state in OPEN]


def test_what_ends_on_time_in_a_pause_is_no_reason_to_brake(town: Town) -> None:
    town.people(21)
    town.tick(concurrency=4)
    town.pause()
    ends = {send.expires_at for send in town.sends("details")}
    assert len(ends) == 1, "they all end at the same moment"
    (end,) = ends
    assert end
    town.now = end + timedelta(seconds=1)
    tally = town.tick()
    assert tally.held == ""
    assert {send.reason for send in town.sends("details")} == {Reason.PAUSED_EXPIRED}


def test_a_brake_of_any_kind_is_respected(town: Town) -> None:
    town.ana()
    with town.write() as session:
        session.add(Hold(kind="another_machine", began_at=town.now, detail="started from a copy"))
    assert town.tick().held == "started from a copy"
    assert town.left() == []
    assert town.worker().next_due() is None
