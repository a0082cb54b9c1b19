"""What a simulated person does, as an operator types it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from functools import partial

from runup.cli.errors import BadInput
from runup.cli.people import read_day, read_time
from runup.simulation import Act, Actor
from subscribers import Outcome
from subscribers.wall_time import resolve

NOON = time(12)


def read_acts(
    zone: str, *, move: Iterable[str], cancel: str, outcome: Iterable[str], unsubscribe: str
) -> tuple[tuple[datetime, Act], ...]:
    """The acts of the options, on the clocks of `zone`. Raises BadInput naming the option."""
    acts: list[tuple[datetime, Act]] = []
    for value in move:
        when, day = _pair(value, "--move", "2026-12-01=2026-12-10")
        acts.append((read_moment(when, zone, "--move"), partial(_move, read_day(day, "--move"))))
    for value in outcome:
        when, what = _pair(value, "--outcome", "2026-12-08=offer")
        if what not in list(Outcome):
            raise BadInput(f"--outcome: {what[:20]!r} is none of: {', '.join(Outcome)}")
        acts.append((read_moment(when, zone, "--outcome"), partial(_tell, Outcome(what))))
    if cancel:
        acts.append((read_moment(cancel, zone, "--cancel"), _cancel))
    if unsubscribe:
        acts.append((read_moment(unsubscribe, zone, "--unsubscribe"), _unsubscribe))
    return tuple(acts)


def read_moment(value: str, zone: str, option: str) -> datetime:
    """`2026-12-04` (noon) or `2026-12-04T18:00` on the clocks of `zone`, as a moment in UTC."""
    day, t, wall = value.partition("T")
    return resolve(read_day(day, option), read_time(wall, option) if t else NOON, zone).astimezone(UTC)


def _pair(value: str, option: str, example: str) -> tuple[str, str]:
    when, sign, what = value.partition("=")
    if not sign:
        raise BadInput(f"{option}: {value[:40]!r} has no `=`; write it like {example}")
    return when, what


def _move(day: date, someone: Actor, now: datetime) -> None:
    someone.move(day, now)


def _tell(outcome: Outcome, someone: Actor, now: datetime) -> None:
    someone.tell(outcome, now)


def _cancel(someone: Actor, now: datetime) -> None:
    someone.cancel(now)


def _unsubscribe(someone: Actor, now: datetime) -> None:
    someone.unsubscribe(now)
