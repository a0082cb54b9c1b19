"""A worker's arrival: is this database where it was, is it the newest there was, and was anybody here?

What is not so puts a brake on: nothing is claimed and nothing expires until an operator has looked. A copy
that begins to send sends everything a second time, and the original goes on.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from scheduler.braking import put_on, release_brake
from scheduler.claiming import is_running
from scheduler.clock_guard import LARGE
from scheduler.gauges import Heartbeat, Hold, Installation
from scheduler.machine import sealed
from scheduler.send import WAITING, Attempt, Send, is_in

MOVED_MACHINE = "moved_machine"
OLDER_THAN_JOURNAL = "older_than_journal"
LONG_GAP = "long_gap"
LONGEST_GAP = timedelta(hours=1)
LOOKED_AT = 500
"""Of the journal's newest lines: a database that was brought back lacks the last of them first."""


class Line(Protocol):
    """One answer of a provider, as the send journal keeps it."""

    @property
    def reference(self) -> str: ...
    @property
    def attempt(self) -> int: ...
    @property
    def at(self) -> datetime: ...


def arrive(session: Session, *, place: str, journal: Iterable[Line], now: datetime) -> list[Hold]:
    """Write down that a worker starts here, now, and put a brake on for each thing that is not as it was.

    `place`: `machine.place_of`; "" tells nothing. `journal`: what providers answered here, all that is kept.
    Returns the brakes this arrival has put on. To be called before the first sign of life; the first arrival
    ever finds nothing.
    """
    known = session.get(Installation, 1, with_for_update=True)
    if known is None:
        instance = secrets.token_hex(16)
        session.add(
            Installation(id=1, instance=instance, machine=sealed(place, instance=instance), started_at=now)
        )
        return []
    found = (*_moved(known, place), *_older(session, journal), *_gap(session, now))
    holds = [put_on(session, kind, detail, now=now) for kind, detail in found]
    # Found once, said once: what we see now is what the next start compares with.
    known.machine = sealed(place, instance=known.instance) or known.machine
    known.started_at = now
    return [hold for hold in holds if hold is not None]


def resume(session: Session, *, now: datetime) -> list[Hold]:
    """The operator says that all is right here: let go of every brake and forget what a clock that was ahead
    has left. Returns the brakes that were on."""
    session.execute(delete(Heartbeat).where(Heartbeat.last_tick_at > now + LARGE))
    return release_brake(session, now=now)


def _moved(known: Installation, place: str) -> Iterator[tuple[str, str]]:
    here = sealed(place, instance=known.instance)
    if here and known.machine and here != known.machine:
        yield MOVED_MACHINE, "this database was at work in another place; is nobody working on the original?"


def _older(session: Session, journal: Iterable[Line]) -> Iterator[tuple[str, str]]:
    """A provider answered an attempt that this database never made. As every intent is durable before its
    call, the database has lost what it knew: it is a backup, brought back."""
    told = session.get(Hold, OLDER_THAN_JOURNAL)
    newest = deque((line for line in journal if told is None or line.at > told.began_at), maxlen=LOOKED_AT)
    answered = {line.reference for line in newest}
    attempts = select(Send.reference, Attempt.number).join(Attempt, Attempt.send_id == Send.id)
    made = {
        (row.reference, row.number) for row in session.execute(attempts.where(Send.reference.in_(answered)))
    }
    lost = [line.at for line in newest if (line.reference, line.attempt) not in made]
    if lost:
        yield (
            OLDER_THAN_JOURNAL,
            f"the send journal has {len(lost)} answers, from {min(lost):%Y-%m-%d %H:%M}Z on, to emails "
            "that this database does not know of: it is older; what has left since may leave once more",
        )


def _gap(session: Session, now: datetime) -> Iterator[tuple[str, str]]:
    last = session.scalar(select(func.max(Heartbeat.last_tick_at)))
    if last is None or now - last <= LONGEST_GAP:
        return
    missed = session.scalar(
        select(func.count()).where(is_in(*WAITING), Send.ready_at > last, Send.ready_at <= now, is_running())
    )
    if missed:
        yield (
            LONG_GAP,
            f"nobody was at work since {last:%Y-%m-%d %H:%M}Z, and {_sends(missed)} fell due meanwhile",
        )


def _sends(number: int) -> str:
    return "1 send" if number == 1 else f"{number:,} sends"
