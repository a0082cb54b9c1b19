from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Index, String, bindparam, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from runup.database import Base
from subscribers.wall_time import parse_zone

if TYPE_CHECKING:
    from subscribers.interview import Interview


class Subscriber(Base):
    """A person who gave us an address; `confirmed_at` says when they proved it is theirs.

    `epoch` counts the changes of facts that planning depends on. A send planned at an older epoch may not
    leave: its last check compares the two. `planned_epoch` is the epoch the sends agree with; where the
    two differ, `reconcile` has work to do, whoever forgot to call it.
    """

    __tablename__ = "subscriber"
    __table_args__ = (
        Index("ix_subscriber_to_reconcile", "id", sqlite_where=text("epoch <> planned_epoch"),
              postgresql_where=text("epoch <> planned_epoch")),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    address: Mapped[str | None] = mapped_column(String(320))
    address_hmac: Mapped[str | None] = mapped_column(String(64), unique=True)
    mailbox_hmac: Mapped[str | None] = mapped_column(String(64), index=True)
    """The same for every spelling that leads to one mailbox, for limits and for finding doubles."""
    first_name: Mapped[str] = mapped_column(String(80), default="")
    home_zone: Mapped[str] = mapped_column(String(64))
    locale: Mapped[str] = mapped_column(String(16), default="en")
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    unsubscribed_at: Mapped[datetime | None]
    wants_goodbye: Mapped[bool] = mapped_column(default=False)
    erased_at: Mapped[datetime | None]
    merged_into: Mapped[int | None]
    """The person this one turned out to be: an empty row since, which old links lead on from."""
    former_hmac: Mapped[str | None] = mapped_column(String(64))
    """Of a merged one: the address's hash, so that events about what was sent to it are heard."""
    epoch: Mapped[int] = mapped_column(default=0)
    planned_epoch: Mapped[int] = mapped_column(default=-1)

    interviews: Mapped[list[Interview]] = relationship(
        back_populates="subscriber", order_by="Interview.id", cascade="all, delete-orphan"
    )

    def __repr__(self) -> str:
        return f"Subscriber(id={self.id})"  # never the address (invariant 21)

    def touch(self) -> None:
        """Say that a fact has changed: every open send must be planned again before it may leave."""
        self.epoch = (self.epoch or 0) + 1


def lock_subscriber(session: Session, subscriber_id: int) -> Subscriber | None:
    """The row, locked until the transaction ends; None when there is none.

    Everything that changes facts, and the last check before a call, takes this lock first (campaign,
    subscriber, send: in that order), so an unsubscribe and a send in flight follow one another.
    """
    return session.scalar(_LOCKED, {"of": subscriber_id})


# Asked whenever anything changes, and built once.
_LOCKED = (
    select(Subscriber)
    .where(Subscriber.id == bindparam("of"))
    .with_for_update()
    .execution_options(populate_existing=True)
)


def find_subscriber(session: Session, address_hmac: str) -> Subscriber | None:
    """The subscriber of an address, by its keyed hash."""
    return session.scalar(select(Subscriber).where(Subscriber.address_hmac == address_hmac))


def change_home_zone(session: Session, subscriber: Subscriber, zone: str) -> None:
    """From now on emails leave by the clocks of `zone`. Raises UnknownZone."""
    lock_subscriber(session, subscriber.id)
    if subscriber.home_zone != parse_zone(zone):
        subscriber.home_zone = zone
        subscriber.touch()
