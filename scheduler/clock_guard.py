"""A clock that jumps must send nothing early and void no campaign: what stands between it and a worker."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from runup.database import Database
from scheduler.braking import put_on
from scheduler.gauges import Heartbeat, Hold
from scheduler.transaction import transact
from scheduler.witness import ServerTime, Witness

log = structlog.get_logger(__name__)

CLOCK = "clock"
"""The kind of the brake."""
JUMP = timedelta(seconds=30)
"""A wall clock that goes another way than the stopwatch by more than this has been set, not slewed."""
LARGE = timedelta(minutes=5)
FREEZE = 60.0
"""Seconds without another jump before anything is believed, and between two questions to a witness."""


@dataclass(kw_only=True)
class ClockGuard:
    """The time a worker goes by: the wall clock, for as long as the stopwatch says that nobody has set it.

    After a jump of more than 30 s it is frozen: calling it gives the time that would have been, and `look`
    says why nothing may be claimed, planned or end. A minute later a witness is asked. It agrees: all goes
    on by the new time. There is none: up to five minutes are let pass, more puts a brake on (`CLOCK`) until
    one is found, the clock is set back, or the operator lets go. A machine that slept has not jumped: the
    stopwatch counts that.
    """

    wall: Callable[[], datetime]
    """Aware UTC."""
    stopwatch: Callable[[], float]
    """Seconds since boot on a clock that nobody sets, those asleep included."""
    witness: Witness = lambda: None
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _anchor: tuple[datetime, float] | None = None
    """A moment we trust, and the stopwatch then."""
    _settled: timedelta = timedelta()
    """How far from that the wall clock may be: small jumps nobody could judge."""
    _seen: timedelta = timedelta()
    """How far it was when we last looked."""
    _has_begun: bool = False
    _since: float | None = None
    """The stopwatch at the last jump, or the last question; None: not frozen."""
    _is_told_wrong: bool = False
    """By the last witness there was."""
    _holds: bool = False
    """The brake is ours."""
    _why: str = ""

    @property
    def is_frozen(self) -> bool:
        return self._since is not None

    def __call__(self) -> datetime:
        """The moment to go by. Notices a jump in passing."""
        with self._lock:
            wall, reading = self.wall(), self.stopwatch()
            if self._anchor is None:
                self._anchor = (wall, reading)
            offset = wall - self._anchor[0] - timedelta(seconds=reading - self._anchor[1])
            if abs(offset - self._seen) > JUMP:
                log.error("clock_jumped", seconds=round((offset - self._seen).total_seconds()))
                self._seen, self._since, self._is_told_wrong = offset, reading, False
                self._why = f"this machine's clock has jumped {_distance(offset - self._settled)}"
            return wall if self._since is None else wall - offset + self._settled

    def look(self, database: Database) -> str:
        """Why the clock is not believed, in plain words; empty when it is. To be asked before each round."""
        with self._lock:
            if not self._has_begun:
                self._begin(database)
            self()
            if self._since is None:
                return ""
            if self.stopwatch() - self._since < FREEZE:
                return self._why
            return self._judge(database)

    def _begin(self, database: Database) -> None:
        """A clock that stands behind the last sign of life was set back while nobody looked."""
        testimony = self.witness()
        with database.read() as session:
            last = session.scalar(select(func.max(Heartbeat.last_tick_at)))
        wall, reading = self.wall(), self.stopwatch()
        self._has_begun = True
        if testimony is not None and abs(wall - testimony.now) <= JUMP:
            self._trust(database, why="a witness agrees")
            return
        self._anchor = (last if last and last - wall > JUMP else wall, reading)
        if testimony is not None and abs(wall - testimony.now) > LARGE:
            self._why, self._since = _disagrees(wall, testimony), reading - FREEZE

    def _judge(self, database: Database) -> str:
        if self._is_let_go(database):
            return self._trust(database, why="the operator says it is right")
        testimony = self.witness()
        if testimony is not None:
            ahead = self.wall() - testimony.now
            if abs(ahead) <= JUMP:
                return self._trust(database, why="a witness agrees")
            self._is_told_wrong = abs(ahead) > LARGE
        if self._is_told_wrong:
            self._why = _disagrees(self.wall(), testimony) if testimony else self._why
        elif abs(self._seen - self._settled) <= JUMP:
            return self._trust(database, why="it was set back to what it had been")
        elif abs(self._seen) <= LARGE:
            self._settled, self._since = self._seen, None
            return ""
        self._since = self.stopwatch()
        # By the database's clock all workers are measured: the others are right, and ours alone stands still.
        if not (testimony and testimony.is_database):
            transact(database, self._hold)
        return self._why

    def _hold(self, session: Session) -> None:
        put_on(session, CLOCK, f"{self._why}; is it right now?", now=self())
        self._holds = True

    def _is_let_go(self, database: Database) -> bool:
        if not self._holds:
            return False
        with database.read() as session:
            hold = session.get(Hold, CLOCK)
        return hold is None or hold.released_until is not None

    def _trust(self, database: Database, *, why: str) -> str:
        """Go by the wall clock as it is now, and forget what was written by a wrong one."""
        if self._since is not None:
            log.warning("clock_believed", why=why)
        self._anchor, self._since = (self.wall(), self.stopwatch()), None
        self._settled = self._seen = timedelta()
        self._is_told_wrong = self._holds = False
        self._why = ""
        transact(database, self._clear)
        return ""

    def _clear(self, session: Session) -> None:
        now = self.wall()
        session.execute(delete(Heartbeat).where(Heartbeat.last_tick_at > now + LARGE))
        hold = session.get(Hold, CLOCK)
        if hold is not None and hold.released_until is None:
            hold.released_until = now


def _disagrees(wall: datetime, testimony: ServerTime) -> str:
    return f"this machine's clock is {_distance(wall - testimony.now)} of that of {testimony.whose}"


def _distance(span: timedelta) -> str:
    """`3 hours ahead`."""
    seconds, direction = abs(span.total_seconds()), "ahead" if span > timedelta() else "behind"
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit} {direction}"
    return f"{seconds:.0f} seconds {direction}"
