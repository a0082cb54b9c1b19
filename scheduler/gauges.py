"""What all workers of one database must know of the provider and of each other: single rows, no queue."""

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
    journal_line: Mapped[int] = mapped_column(default=0)
    """How far the send journal is known to this database."""
