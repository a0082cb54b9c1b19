from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from runup.database import Base


class Subscription(Base):
    """A subscriber's place on a newsletter list. Its consent is its own: no interview puts anybody here."""

    __tablename__ = "subscription"
    __table_args__ = (UniqueConstraint("subscriber_id", "list_key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id", ondelete="CASCADE"), index=True)
    list_key: Mapped[str] = mapped_column(String(64))
    subscribed_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


def has_newsletter(session: Session, subscriber_id: int) -> bool:
    """Whether they are on any list now."""
    found = select(Subscription.id).where(
        Subscription.subscriber_id == subscriber_id, Subscription.ended_at.is_(None)
    )
    return session.scalar(found.limit(1)) is not None
