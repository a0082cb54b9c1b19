"""Every zone of the world: each local day and hour against a search over UTC that knows no rules.

The long form takes every transition until 2036; the short form, with the same code, those of one year.
"""

from __future__ import annotations

import zoneinfo
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
import zone_oracle
from diary import ANA, ON_THE_MINUTE, interview
from zone_oracle import Almanac

from campaigns.planned import Situation
from campaigns.planning import plan
from subscribers.wall_time import local_day, resolve, tzdata_version, zone_names

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
HORIZONS = [
    pytest.param(datetime(2027, 1, 1, tzinfo=UTC), id="one year"),
    pytest.param(zone_oracle.UNTIL, id="until 2036", marks=[pytest.mark.long, pytest.mark.timeout(1800)]),
]
CALENDAR = {
    "details": (-7, time(9)),
    "people": (-5, time(9)),
    "format": (-4, time(9)),
    "salary": (-3, time(9)),
    "questions": (-2, time(9)),
    "day_before": (-1, time(16)),
    "morning": (0, time(7)),
}


def changes(until: datetime) -> list[tuple[str, datetime]]:
    found = [(name, at) for name in zone_oracle.names() for at in zone_oracle.transitions(name, begin=BEGIN)]
    return [(name, at) for name, at in found if at < until]


def test_the_package_is_asked_and_not_the_system() -> None:
    assert zoneinfo.TZPATH == ()
    assert len(zone_oracle.names()) == len(zoneinfo.available_timezones()) >= 598
    assert tzdata_version() >= "2026f"


def test_there_are_as_many_transitions_as_the_world_has() -> None:
    found = changes(zone_oracle.UNTIL)
    assert len({name for name, _ in found}) >= 190
    assert len(found) >= 3_790


@pytest.mark.parametrize("until", HORIZONS)
def test_every_quarter_of_an_hour_around_every_transition(until: datetime) -> None:
    gaps = overlaps = 0
    for name, at in changes(until):
        almanac = Almanac(name, at, days=3)
        for day, wall in almanac.walls():
            expected = almanac.moment(day, wall)
            found = resolve(day, wall, name)
            assert found == expected, f"{name} {day} {wall}"
            here = found.astimezone(zone_oracle.zone_of(name)).replace(tzinfo=None)
            gaps += here != datetime.combine(day, wall)
            # At night a gap may reach over midnight (Nuuk has no 23:00 that day); in our hours none does.
            if time(7) <= wall <= time(20):
                assert here.date() == day, f"{name} {day} {wall} falls on another day"
        before, after = zone_oracle.offset(name, at - timedelta(hours=1)), zone_oracle.offset(name, at)
        assert before is not None
        assert after is not None
        overlaps += after < before
    assert gaps > 500
    assert overlaps > 150


@pytest.mark.parametrize("until", HORIZONS)
def test_every_email_of_a_plan_in_every_zone_leaves_at_its_local_day_and_hour(until: datetime) -> None:
    days = [(name, at) for name, at in changes(until) if name in zone_names()]
    changing = {name for name, _ in days}
    days += [(name, datetime(2026, 6, 19, tzinfo=UTC)) for name in zone_names() - changing]
    checked = 0
    for name, at in days:
        almanac = Almanac(name, at, days=9)
        for shift in (0, 1, 6):
            held_on = local_day(at, name) + timedelta(days=shift)
            for step, due in planned(name, held_on).items():
                day, wall = held_on + timedelta(days=CALENDAR[step][0]), CALENDAR[step][1]
                assert due == almanac.moment(day, wall), f"{name}: {step} of {held_on}"
                checked += 1
    assert checked > 3 * len(CALENDAR) * len(zone_names())


def planned(zone: str, held_on: date) -> dict[str, datetime]:
    confirmed = datetime.combine(held_on - timedelta(days=30), time(12), UTC)
    passage = interview(confirmed, held_on=held_on, zone=zone)
    person = replace(ANA, home_zone=zone)
    situation = Situation(sequences={"second_interview": ON_THE_MINUTE}, person=person, passages=[passage])
    sends = plan(situation, now=confirmed)
    return {send.step: send.due_at for send in sends if send.step in CALENDAR and send.due_at}
