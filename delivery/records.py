"""What was heard of our emails, kept until it has been applied, and for a while after for whoever asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import ColumnElement, Executable, Index, String, delete, func, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from delivery.events import DeliveryEvent
from delivery.record_rows import insert_new
from runup.database import Base

KEPT_FOR = timedelta(days=90)
"""Bounded database: after that only the send's own state remembers."""
_UNAPPLIED = text("applied_at IS NULL")


class DeliveryRecord(Base):
    """One event of a feed, once. The address is kept as a keyed hash, and only until it has been compared."""

    __tablename__ = "delivery_record"
    __table_args__ = (
        Index("ix_delivery_record_reference", "reference"),
        Index("ix_delivery_record_heard_at", "heard_at"),
        Index(
            "ix_delivery_record_unapplied", "id", sqlite_where=_UNAPPLIED, postgresql_where=_UNAPPLIED
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(String(100), unique=True)
    """The feed's own id: hearing it again changes nothing."""
    source: Mapped[str] = mapped_column(String(16))
    reference: Mapped[str] = mapped_column(String(32))
    attempt: Mapped[int] = mapped_column(default=0)
    type: Mapped[str] = mapped_column(String(16))
    is_permanent: Mapped[bool] = mapped_column(default=False)
    occurred_at: Mapped[datetime]
    heard_at: Mapped[datetime]
    address_hmac: Mapped[str] = mapped_column(String(64), default="")
    detail: Mapped[str] = mapped_column(String(300), default="")
    applied_at: Mapped[datetime | None]


class FeedCount(Base):
    """How often a feed brought something that could not be used, and when last. One row per kind."""

    __tablename__ = "feed_count"

    source: Mapped[str] = mapped_column(String(16), primary_key=True)
    what: Mapped[str] = mapped_column(String(32), primary_key=True)
    """`event` for what was of use; else why not: `malformed`, `foreign`, `bad_signature`, `stale`, …"""
    total: Mapped[int] = mapped_column(default=0)
    last_at: Mapped[datetime]
    detail: Mapped[str] = mapped_column(String(300), default="")


def store(
    session: Session,
    events: Iterable[DeliveryEvent],
    *,
    source: str,
    hash_address: Callable[[str], str],
    now: datetime,
) -> int:
    """Keep what is new of `events`; returns how many that were. Nothing else changes: the scheduler applies.

    `hash_address` makes the keyed hash that subscribers are found by. Acknowledge a feed only after commit.
    """
    stored = insert_new(session, events, source=source, hash_address=hash_address, now=now)
    count(session, source, "event", stored, now=now)
    return stored


def count(
    session: Session, source: str, what: str, more: int = 1, *, now: datetime, detail: str = ""
) -> None:
    """Count `more` of a kind; `detail` is the latest one in a few redacted words."""
    if not more:
        return
    values = {"source": source, "what": what, "total": more, "last_at": now, "detail": detail[:300]}
    session.execute(_counting(session.get_bind().dialect.name), values)


@cache
def _counting(dialect: str) -> Executable:
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    counting = insert(FeedCount.__table__)  # type: ignore[arg-type]  # a mapped class's table is a Table
    told = counting.excluded
    return counting.on_conflict_do_update(
        index_elements=["source", "what"],
        set_={"total": FeedCount.total + told.total, "last_at": told.last_at, "detail": told.detail},
    )


def records_of(session: Session, reference: str) -> list[DeliveryRecord]:
    """What was heard of one send, in the order it happened."""
    found = select(DeliveryRecord).where(DeliveryRecord.reference == reference)
    return list(session.scalars(found.order_by(DeliveryRecord.occurred_at, DeliveryRecord.id)))


def counts(session: Session) -> list[FeedCount]:
    return list(session.scalars(select(FeedCount).order_by(FeedCount.source, FeedCount.what)))


def last_heard_at(session: Session, source: str | None = None) -> datetime | None:
    """When a feed last brought an event of ours."""
    found = select(func.max(FeedCount.last_at)).where(FeedCount.what == "event")
    return session.scalar(found.where(FeedCount.source == source) if source else found)


def forget_old_records(session: Session, *, now: datetime, most: int = 5_000) -> int:
    """Delete what was applied and is older than KEPT_FOR; returns how many. Harmless to repeat."""
    old = select(DeliveryRecord.id).where(*_is_old(now)).limit(most)
    gone = session.execute(delete(DeliveryRecord).where(DeliveryRecord.id.in_(old)))
    return int(gone.rowcount)  # type: ignore[attr-defined]  # a DELETE's result is a CursorResult


def old_records(session: Session, *, now: datetime) -> int:
    """How many that are."""
    return session.scalar(select(func.count(DeliveryRecord.id)).where(*_is_old(now))) or 0


def _is_old(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return DeliveryRecord.heard_at < now - KEPT_FOR, DeliveryRecord.applied_at.is_not(None)
