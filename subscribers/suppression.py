from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import String, UniqueConstraint, bindparam, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from runup.database import Base
from subscribers.subscriber import Subscriber, find_subscriber, lock_subscriber

EVERYTHING = "all"
"""The scope of a suppression that holds for every email; a list's key holds for that list alone."""


class Reason(StrEnum):
    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    ERASED = "erased"
    BY_OPERATOR = "by_operator"


class Suppression(Base):
    """An address we must not write to, and why. Kept as a keyed hash: it outlives the person's data."""

    __tablename__ = "suppression"
    __table_args__ = (UniqueConstraint("address_hmac", "scope"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    address_hmac: Mapped[str] = mapped_column(String(64))
    scope: Mapped[str] = mapped_column(String(64), default=EVERYTHING)
    reason: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime]


def find_suppression(session: Session, address_hmac: str, *, scope: str = EVERYTHING) -> Suppression | None:
    """What forbids writing to this address in this scope; a suppression of everything always does."""
    return session.scalar(_FORBIDS, {"address": address_hmac, "scope": scope})


# Asked whenever somebody is planned, and built once.
_FORBIDS = (
    select(Suppression)
    .where(
        Suppression.address_hmac == bindparam("address"),
        Suppression.scope.in_((bindparam("scope"), EVERYTHING)),
    )
    .order_by(Suppression.id)
    .limit(1)
)


def is_suppressed(session: Session, address_hmac: str, *, scope: str = EVERYTHING) -> bool:
    return find_suppression(session, address_hmac, scope=scope) is not None


def suppress(
    session: Session, address_hmac: str, reason: Reason, *, now: datetime, scope: str = EVERYTHING
) -> bool:
    """Never write to this address again, whoever asks. Returns False when that was so already.

    The subscriber's row is locked first, so that a send which is about to leave either has left or sees it.
    """
    subscriber = find_subscriber(session, address_hmac)
    if subscriber is not None:
        lock_subscriber(session, subscriber.id)
    existing = session.scalar(
        select(Suppression).where(Suppression.address_hmac == address_hmac, Suppression.scope == scope)
    )
    # The first reason is kept: a complaint after an unsubscribe changes nothing we do.
    if existing is not None:
        return False
    session.add(Suppression(address_hmac=address_hmac, scope=scope, reason=reason, created_at=now))
    session.flush()
    _touch(subscriber)
    return True


def lift(session: Session, address_hmac: str, *, scope: str = EVERYTHING) -> bool:
    """Allow writing again: the person has asked for it anew, or the operator was mistaken."""
    subscriber = find_subscriber(session, address_hmac)
    if subscriber is not None:
        lock_subscriber(session, subscriber.id)
    lifted = session.execute(
        delete(Suppression).where(Suppression.address_hmac == address_hmac, Suppression.scope == scope)
    )
    if not lifted.rowcount:  # type: ignore[attr-defined]  # a DELETE's result is a CursorResult
        return False
    _touch(subscriber)
    return True


def _touch(subscriber: Subscriber | None) -> None:
    if subscriber is not None:
        subscriber.touch()
