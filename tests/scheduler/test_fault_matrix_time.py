"""The fault matrix, where time is in the way: outages of every length, zones that are not what they were."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update
from town import Town

from campaigns.reasons import Reason
from scheduler import Attempt, Send, State
from scheduler.send import OPEN
from subscribers import InvalidSignUp, Subscriber
from subscribers.wall_time import local, resolve

DETAILS = "2026-11-27 09:09:30"
"""In Berlin: "Go one level deeper" is due; it is good for two days."""


@pytest.mark.parametrize(
    ("outage", "left"),
    [
        ({"minutes": 15}, ["welcome", "details"]),
        ({"hours": 2}, ["welcome", "details"]),
        ({"hours": 26}, ["welcome", "details"]),
    ],
    ids=["15 minutes", "2 hours", "26 hours"],
)
def test_after_an_outage_what_is_still_valid_leaves_late_and_nothing_bursts(
    town: Town, outage: dict[str, float], left: list[str]
) -> None:
    town.people(3)
    town.tick()
    town.at(DETAILS).later(**outage)
    assert town.tick().accepted == 3
    assert sorted(town.left()) == sorted(left * 3)
    assert town.later(minutes=10).tick().accepted == 0, "one each, and no burst"


def test_after_eight_days_only_the_latest_step_that_is_still_true_leaves(town: Town) -> None:
    """Down from the day before "details" until past the interview's morning."""
    town.ana()
    town.tick()
    town.at("2026-11-26 12:00").tick()
    town.at("2026-12-04 12:00").tick()
    assert set(town.left()) <= {"welcome", "morning"}
    missed = town.sends("details", "people", "format", "salary", "questions", "day_before")
    assert {send.reason for send in missed} == {Reason.EXPIRED_OUTAGE}
    assert not [send for send in missed if send.state in OPEN]
    town.tick_until("2026-12-06 12:00")
    assert len(town.left()) == len(set(town.left())) <= 3


def test_a_backlog_leaves_by_its_expiry(town: Town) -> None:
    """Kiri has the earliest interview and joined last."""
    for name, day in (("ana", "2026-12-05"), ("sam", "2026-12-05"), ("kiri", "2026-12-04")):
        town.person(name, interview_date=day)
    town.tick()
    town.at("2026-11-28 10:00").tick()
    late = [send for send in town.sends("details") if send.state == State.ACCEPTED]
    assert len(late) == 3
    with town.database.read() as session:
        attempts = session.scalars(select(Attempt.send_id).order_by(Attempt.id)).all()
    order = [send.id for send in sorted(late, key=lambda send: str(send.expires_at))]
    assert [identity for identity in attempts if identity in order] == order


@pytest.mark.parametrize(
    ("zone", "day", "wall", "starts"),
    [
        ("Europe/Berlin", "2027-03-28", "02:30", "01:30"),
        ("Europe/Berlin", "2027-10-31", "02:30", "00:30"),
        ("Australia/Lord_Howe", "2027-10-03", "02:15", "15:45"),
    ],
    ids=["in a gap", "in an overlap", "in a gap of half an hour"],
)
def test_an_interview_at_an_hour_that_is_missing_or_comes_twice(
    town: Town, zone: str, day: str, wall: str, starts: str
) -> None:
    """The gap moves it on, of two it is the first; nothing of before it may leave after it."""
    town.now = town.now.replace(year=2027, month=2)
    ana = town.ana(home_zone=zone, interview_zone=zone, interview_date=day, interview_time=wall)
    assert ana.start_time
    begins = resolve(ana.held_on, ana.start_time, zone)
    assert begins.isoformat()[11:16] == starts
    eve = town.send("day_before")
    assert eve.due_at
    assert eve.expires_at
    assert local(eve.due_at, zone).date() == ana.held_on - timedelta(days=1)
    assert eve.expires_at < begins


def test_an_interview_on_a_date_that_is_missing_is_refused(town: Town) -> None:
    with pytest.raises(InvalidSignUp):
        town.ana(interview_date="2027-02-29")
    assert not town.sends()


def test_a_zone_that_got_another_name_is_the_same_place(town: Town) -> None:
    old = town.person("old", home_zone="Europe/Kiev", interview_zone="Europe/Kiev")
    new = town.person("new", home_zone="Europe/Kyiv", interview_zone="Europe/Kyiv")
    plans = [town.sends(subscriber_id=one.subscriber_id) for one in (old, new)]
    first, second = ({(send.step, send.local_at[:13]) for send in plan} for plan in plans)
    assert first == second


def test_a_zone_that_is_gone_stops_its_people_and_nobody_else(town: Town) -> None:
    """Another release of the data knows it no more; somebody has to say where they live now."""
    lost = town.person("lost")
    town.person("ana")
    with town.write() as session:
        of_lost = update(Subscriber).where(Subscriber.id == lost.subscriber_id)
        session.execute(of_lost.values(home_zone="Europe/Atlantis"))
        session.execute(update(Send).values(tzdata_version="2011a"))
    assert town.tick().accepted == 1
    states = {send.subscriber_id: send.state for send in town.sends("welcome")}
    assert states[lost.subscriber_id] == State.PLANNED
    assert list(states.values()).count(State.ACCEPTED) == 1
