from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, ForeignKey, String, UniqueConstraint, and_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from runup.database import Base
from subscribers.wording import Said


@dataclass(frozen=True, kw_only=True)
class NewsletterList:
    """A newsletter as its readers know it. `key` is its identity for good.

    Nobody can join a list that is not public by themselves, whether or not they know its key: whom the
    operator puts on it sees it and can leave it.
    """

    key: str
    name: str
    about: str = ""
    """What comes and how often, in a sentence."""
    is_public: bool = True

    @property
    def purpose(self) -> str:
        """What a consent to it is for."""
        return f"newsletter:{self.key}"

    @property
    def wording(self) -> str:
        """What somebody agrees to who joins; kept with the consent."""
        return Said("Yes, send me “%(name)s”. I can stop it with one click in every issue.", name=self.name)


class Subscription(Base):
    """A subscriber's place on a newsletter list. Its consent is its own: no interview puts anybody here.

    Only a place that `confirmed_at` speaks for and that has not ended (`is_held`) receives anything. Asked
    for by the form, it waits for the yes of whoever reads the address; asking for it anew waits anew.
    """

    __tablename__ = "subscription"
    __table_args__ = (UniqueConstraint("subscriber_id", "list_key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id", ondelete="CASCADE"), index=True)
    list_key: Mapped[str] = mapped_column(String(64))
    subscribed_at: Mapped[datetime]
    """When it was last asked for. Places asked for together share the moment, and one confirmation."""
    confirmed_at: Mapped[datetime | None]
    """When the person behind the address said yes; None while we wait for that."""
    ended_at: Mapped[datetime | None]

    @property
    def is_held(self) -> bool:
        """They are on the list: its issues may be sent to them."""
        return self.confirmed_at is not None and self.ended_at is None

    @property
    def is_waiting(self) -> bool:
        """Somebody has asked for it, and nobody has said yes."""
        return self.confirmed_at is None and self.ended_at is None


def is_theirs() -> ColumnElement[bool]:
    """Of a subscription: `is_held`, as the database is asked for it."""
    return and_(Subscription.confirmed_at.is_not(None), Subscription.ended_at.is_(None))


def has_newsletter(session: Session, subscriber_id: int) -> bool:
    """Whether they are on any list now."""
    return bool(lists_of(session, subscriber_id))


def lists_of(session: Session, subscriber_id: int) -> set[str]:
    """The keys of the lists they are on now."""
    return set(
        session.scalars(
            select(Subscription.list_key).where(Subscription.subscriber_id == subscriber_id, is_theirs())
        )
    )
