"""Whether somebody must look now: a cause per thing that is wrong, none naming or counting anybody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from sqlalchemy import bindparam, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from runup.database import Database
from runup.database.space import Space
from runup.reports import SILENT_AFTER
from scheduler import Heartbeat, Send
from scheduler.braking import active_hold
from scheduler.claiming import PERSONAL, is_running
from scheduler.send import WAITING, is_in


class Cause(StrEnum):
    """What is wrong, as programs read it; docs/reference/site.md lists them."""

    DATABASE_AWAY = "database_away"
    NO_WORKER = "no_worker"
    CLOCK_STOPPED = "clock_stopped"
    HELD = "held"
    LATE = "late"
    DISK_FULL = "disk_full"


@dataclass(frozen=True)
class Ailment:
    cause: Cause
    words: str


@dataclass(frozen=True)
class Health:
    """How things stand; `last_tick_at` is None while no worker ever ticked, or nobody can tell."""

    ailments: tuple[Ailment, ...]
    last_tick_at: datetime | None

    @property
    def is_good(self) -> bool:
        return not self.ailments

    @property
    def words(self) -> str:
        return "; ".join(ailment.words for ailment in self.ailments) or "ok"


def look(database: Database, *, journal: Path, lateness: timedelta, now: datetime) -> Health:
    """Whether a worker ticks, sends in time, and has room to write. Three statements, each by an index.

    `lateness`: how long an email about somebody's own date may be overdue. A newsletter may take hours, and
    what a paused campaign keeps is not late.
    """
    try:
        with database.read() as session:
            last = session.scalar(select(func.max(Heartbeat.last_tick_at)))
            ailments = [*_worker(session, last, now=now), *_lateness(session, lateness, now=now)]
    except SQLAlchemyError:
        return Health((Ailment(Cause.DATABASE_AWAY, "database unreachable"), *_room(database, journal)), None)
    return Health((*ailments, *_room(database, journal)), last)


def is_ready(database: Database, *, journal: Path) -> Health:
    """Whether the site can take a sign-up: its database answers, and there is room. Asks for no worker."""
    try:
        with database.read() as session:
            session.execute(select(Heartbeat.worker).limit(1))
    except SQLAlchemyError:
        return Health((Ailment(Cause.DATABASE_AWAY, "database unreachable"),), None)
    return Health(tuple(_room(database, journal)), None)


def _worker(session: Session, last: datetime | None, *, now: datetime) -> Iterator[Ailment]:
    if last is None:
        yield Ailment(Cause.NO_WORKER, "no worker has ticked yet")
    elif now - last > SILENT_AFTER:
        yield Ailment(Cause.CLOCK_STOPPED, "ticking has stopped")
    hold = active_hold(session)
    if hold is not None:
        yield Ailment(Cause.HELD, f"stopped until somebody has looked: {hold.kind}")


def _lateness(session: Session, bound: timedelta, *, now: datetime) -> Iterator[Ailment]:
    oldest = oldest_overdue(session, lane=PERSONAL, now=now)
    if oldest is not None and now - oldest > bound:
        minutes = int(bound.total_seconds() // 60)
        yield Ailment(Cause.LATE, f"an email is overdue by more than {minutes} minutes")


def oldest_overdue(session: Session, *, lane: int, now: datetime) -> datetime | None:
    """Since when the oldest send of a lane could have left and has not; None while none is overdue."""
    return session.scalar(
        select(Send.ready_at)
        .where(
            is_in(*WAITING),
            # Written out, or neither database uses the lane's own index.
            Send.lane == bindparam(None, lane, literal_execute=True),
            Send.ready_at <= now,
            is_running(),
        )
        # Not min(): it would look at all that waits, and this at the first of them.
        .order_by(Send.ready_at)
        .limit(1)
    )


def _room(database: Database, journal: Path) -> Iterator[Ailment]:
    """The disks of the database's file and of the send journal; of others nobody here can tell."""
    spaces = (database.space, Space(journal / "journal"))
    if any(space.shortage() for space in spaces if space is not None):
        yield Ailment(Cause.DISK_FULL, "the disk is nearly full")
