"""People who do not exist, as different from one another as real ones."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import partial

from runup.simulation import Act, Actor, Life
from subscribers import Format, Interviewers, Mode, Outcome, SignUp
from subscribers.wall_time import local, resolve

_ZONES = (
    "Europe/Berlin", "Europe/London", "America/New_York", "America/Los_Angeles", "America/Sao_Paulo",
    "Asia/Kolkata", "Asia/Tokyo", "Australia/Sydney", "Australia/Lord_Howe", "America/St_Johns",
    "Pacific/Kiritimati", "Africa/Cairo",
)  # fmt: skip


def population(count: int, *, start: datetime, seed: int) -> Iterator[Life]:
    """`count` lives within two weeks from `start`; the same seed gives the same people.

    Half sign up more than a week ahead, a tenth on the last day. One in six moves the date, one in twenty
    cancels, half tell what came of it, one in ten lives elsewhere than the interview is.
    """
    chance = random.Random(seed)  # noqa: S311 - nothing of this is secret
    for number in range(count):
        yield _life(number, chance, start=start)


def _life(number: int, chance: random.Random, *, start: datetime) -> Life:
    home = chance.choice(_ZONES)
    zone = chance.choice(_ZONES) if chance.random() < 0.1 else home
    joins_at = start + timedelta(minutes=chance.randrange(14 * 24 * 60))
    ahead = timedelta(days=min(chance.expovariate(1 / 10), 60), hours=1)
    day = local(joins_at + ahead, zone).date()
    if day.weekday() >= 5:
        day += timedelta(days=2)
    starts = time(chance.choice((8, 9, 10, 11, 13, 14, 15, 16)), chance.choice((0, 30)))
    form = SignUp(
        address=f"person{number}@example.com",
        first_name=f"Person {number}",
        held_on=day,
        start_time=starts if chance.random() < 0.9 else None,
        zone=zone,
        home_zone=home,
        mode=chance.choice(list(Mode)),
        interviewers=chance.choice(list(Interviewers)),
        format=chance.choice(list(Format)),
    )
    begins_at = max(resolve(day, starts, zone), joins_at)
    acts: list[tuple[datetime, Act]] = []
    dice = chance.random()
    if dice < 1 / 6:
        later = day + timedelta(days=chance.randrange(1, 15))
        at = joins_at + (begins_at - joins_at) * chance.random()
        acts.append((at, partial(_move, later)))
    elif dice < 1 / 6 + 1 / 20:
        acts.append((joins_at + (begins_at - joins_at) * chance.random(), _cancel))
    if chance.random() < 0.5:
        outcome = chance.choice(list(Outcome))
        acts.append((begins_at + timedelta(days=16 + chance.randrange(10)), partial(_tell, outcome)))
    return Life(form=form, joins_at=joins_at.astimezone(UTC), acts=tuple(acts))


def _move(day: date, someone: Actor, now: datetime) -> None:
    someone.move(day, now)


def _cancel(someone: Actor, now: datetime) -> None:
    someone.cancel(now)


def _tell(outcome: Outcome, someone: Actor, now: datetime) -> None:
    someone.tell(outcome, now)
