"""What all workers of one database must know of the provider and of each other: a few rows, no queue."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from runup.database import Base


class RateBucket(Base):
    """A provider's token bucket: `tokens` were in it at `filled_at`. One row per provider and lane of its own
    limit, so that the rate holds across workers."""

    __tablename__ = "rate_bucket"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    tokens: Mapped[float]
    filled_at: Mapped[datetime]
    closed_until: Mapped[datetime | None]
    """The provider asked all of us to wait so long."""


class BreakerState(Base):
    """A provider's breaker, shared by all workers and kept over restarts."""

    __tablename__ = "breaker"

    provider: Mapped[str] = mapped_column(String(32), primary_key=True)
    opened_at: Mapped[datetime | None]
    """None: closed."""
    probe_at: Mapped[datetime | None]
    """When the next real send may be tried."""
    why: Mapped[str] = mapped_column(String(300), default="")
    failures: Mapped[int] = mapped_column(default=0)
    """In a row."""
    window_at: Mapped[datetime | None]
    window_calls: Mapped[int] = mapped_column(default=0)
    window_failures: Mapped[int] = mapped_column(default=0)


class Canary(Base):
    """An email to the operator's own address, sent to see whether the feed of events is alive."""

    __tablename__ = "canary"

    reference: Mapped[str] = mapped_column(String(32), primary_key=True)
    sent_at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(8), default="")
    """What the call came to, as an attempt's."""
    heard_at: Mapped[datetime | None]


class Installation(Base):
    """Where this database lives and works: one row, so that a copy of it does not begin to send."""

    __tablename__ = "installation"

    id: Mapped[int] = mapped_column(primary_key=True)
    instance: Mapped[str] = mapped_column(String(32))
    machine: Mapped[str] = mapped_column(String(64), default="")
    """A hash of the machine's own id."""
    started_at: Mapped[datetime]
    """The last start of a worker."""


class Heartbeat(Base):
    """A worker's sign of life, for `status`, `doctor` and /health."""

    __tablename__ = "heartbeat"

    worker: Mapped[str] = mapped_column(String(32), primary_key=True)
    host: Mapped[str] = mapped_column(String(128))
    pid: Mapped[int]
    started_at: Mapped[datetime]
    last_tick_at: Mapped[datetime]
    note: Mapped[str] = mapped_column(String(300), default="")
    """Why it is not sending, when it is not."""


class Hold(Base):
    """A brake somebody has to release: while a row is here nothing is claimed and nothing expires."""

    __tablename__ = "hold"

    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    began_at: Mapped[datetime]
    detail: Mapped[str] = mapped_column(String(300))
    released_until: Mapped[datetime | None]
    """The operator agreed that what ends before this moment expires; None while we wait for that."""
