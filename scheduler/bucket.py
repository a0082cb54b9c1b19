from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from scheduler.gauges import RateBucket

LONGEST_WISH = timedelta(hours=1)
"""A provider that asks us to wait is believed for an hour; a moment further away is of a wrong clock."""

_ROW = select(RateBucket.tokens, RateBucket.filled_at, RateBucket.closed_until).where(
    RateBucket.name == bindparam("of")
)
_LOCKED = _ROW.with_for_update()


@dataclass(frozen=True)
class Level:
    """What a look at the bucket showed: `free` sends may leave now, the next one not before `next_at`."""

    free: int
    next_at: datetime | None = None
    tokens: float = 0.0
    filled_at: datetime | None = None
    is_closed: bool = False
    """The provider asked to wait until `next_at`."""


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """How many emails may leave a second, over all workers: a row that time fills and claims empty.

    `rate`: sends a second, 0 for no limit of ours. It holds one second's worth, at least one. What the
    provider asks for (Retry-After) closes it for everybody, with or without a rate. Time is the workers' own:
    a clock that is behind fills nothing, and none fills the same time twice.
    """

    name: str
    rate: float = 0.0

    @property
    def size(self) -> float:
        return max(self.rate, 1.0)

    def look(self, session: Session, *, wanted: int, now: datetime) -> Level:
        """How many of `wanted` may leave. With a rate, the row stays locked until the transaction ends."""
        row = session.execute(_LOCKED if self.rate else _ROW, {"of": self.name}).one_or_none()
        if row is None and self.rate:
            self._make(session, tokens=self.size, filled_at=now)
            row = session.execute(_LOCKED, {"of": self.name}).one()
        if row is None:
            return Level(wanted)
        if row.closed_until and now < row.closed_until <= now + LONGEST_WISH:
            return Level(0, row.closed_until, is_closed=True)
        if not self.rate:
            return Level(wanted)
        if row.filled_at > now + LONGEST_WISH:
            return self._begin_anew(session, now=now)
        return self._level(row.tokens, row.filled_at, wanted=wanted, now=now)

    def spend(self, session: Session, level: Level, count: int) -> None:
        """Take `count` tokens, in the transaction that saw `level`."""
        if self.rate and count:
            session.execute(
                update(RateBucket)
                .where(RateBucket.name == self.name)
                .values(tokens=level.tokens - count, filled_at=level.filled_at)
                .execution_options(synchronize_session=False)
            )

    def give_back(self, session: Session, count: int) -> None:
        """These were taken and certainly not called. Filling cuts off what is too much."""
        if self.rate and count:
            session.execute(
                update(RateBucket)
                .where(RateBucket.name == self.name)
                .values(tokens=RateBucket.tokens + count)
                .execution_options(synchronize_session=False)
            )

    def close(self, session: Session, seconds: float, *, now: datetime) -> None:
        """The provider asks all of us to wait. The longest wish counts; afterwards the bucket is empty."""
        until = now + min(timedelta(seconds=seconds), LONGEST_WISH)
        self._make(session, tokens=0.0, filled_at=until)
        known = RateBucket.closed_until
        session.execute(
            update(RateBucket)
            .where(RateBucket.name == self.name)
            .where(or_(known.is_(None), known <= until, known > now + LONGEST_WISH))
            .values(closed_until=until, tokens=0.0, filled_at=until)
            .execution_options(synchronize_session=False)
        )

    def _level(self, tokens: float, filled_at: datetime, *, wanted: int, now: datetime) -> Level:
        since = max((now - filled_at).total_seconds(), 0.0)
        tokens = min(tokens + self.rate * since, self.size)
        filled_at = max(filled_at, now)
        free = min(math.floor(tokens + 1e-9), wanted)
        to_the_next = timedelta(seconds=(1.0 - (tokens - free)) / self.rate)
        next_at = filled_at + to_the_next if free < wanted else None
        return Level(free, next_at, tokens, filled_at)

    def _begin_anew(self, session: Session, *, now: datetime) -> Level:
        """A clock that was years ahead has been here. We begin with nothing: its visit is worth no token."""
        session.execute(
            update(RateBucket)
            .where(RateBucket.name == self.name)
            .values(tokens=0.0, filled_at=now, closed_until=None)
            .execution_options(synchronize_session=False)
        )
        return self._level(0.0, now, wanted=1, now=now)

    def _make(self, session: Session, *, tokens: float, filled_at: datetime) -> None:
        insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
        session.execute(
            insert(RateBucket)
            .values(name=self.name, tokens=tokens, filled_at=filled_at)
            .on_conflict_do_nothing(index_elements=["name"])
        )
