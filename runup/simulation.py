"""One life on a virtual clock: what somebody does, when workers are away, and what becomes of every email."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from campaigns import Sequence
from scheduler.rehearsal import Rehearsal, Write
from subscribers import Outcome, SignUp


class Actor(Protocol):
    """Somebody who has signed up and confirmed, and what they may do later. Moments are aware UTC."""

    def move(self, held_on: date, now: datetime) -> None: ...
    def cancel(self, now: datetime) -> None: ...
    def tell(self, outcome: Outcome, now: datetime) -> None: ...
    def unsubscribe(self, now: datetime) -> None: ...


Act = Callable[[Actor, datetime], None]


@dataclass(frozen=True, kw_only=True)
class Life:
    """One person: what they type when they sign up, and what they do later. Moments are aware UTC."""

    form: SignUp
    joins_at: datetime
    acts: tuple[tuple[datetime, Act], ...] = ()


@dataclass(frozen=True)
class Outage:
    """A time in which no worker runs; the site does."""

    began_at: datetime
    ended_at: datetime


@dataclass(frozen=True)
class Played:
    """A life to its end. `overdue`: by the outage that was over then, how many sends were due and how many of
    them had reached their end."""

    rehearsal: Rehearsal
    overdue: dict[Outage, tuple[int, int]] = field(default_factory=dict)


def play(
    life: Life,
    number: int,
    sequence: Sequence,
    *,
    write: Write,
    until: datetime,
    outages: Collection[Outage] = (),
) -> Played:
    """Live it. `number` is the person's own, as a database would count: their jitter is drawn from it."""
    now = life.joins_at
    someone = Rehearsal(number, life.form, sequence, write=write, now=now)
    played = Played(someone)
    acts = sorted((one for one in life.acts if one[0] > now), key=lambda one: one[0])
    while True:
        if not _during(outages, now):
            someone.tick(now)
        due = _at_work(someone.next_moment(now), outages)
        if acts and (due is None or acts[0][0] <= due):
            now, act = acts.pop(0)
            act(someone, now)
        elif due is not None and due <= until:
            now = due
            for outage in outages:
                if outage.ended_at == now:
                    played.overdue[outage] = someone.overdue(now)
        else:
            return played


def _during(outages: Collection[Outage], moment: datetime) -> Outage | None:
    return next((one for one in outages if one.began_at <= moment < one.ended_at), None)


def _at_work(moment: datetime | None, outages: Collection[Outage]) -> datetime | None:
    """`moment`, or the end of the outage it falls into, and of the next one should that follow at once."""
    while moment is not None and (outage := _during(outages, moment)):
        moment = outage.ended_at
    return moment
