"""What happened to a person and left no other trace: a moved date, a merge, an export."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Select, String, insert, literal
from sqlalchemy.orm import Mapped, Session, mapped_column

from runup.database import Base


class Happened(StrEnum):
    """Kinds of `PastEvent`."""

    MOVED = "moved"
    MERGED = "merged"
    LIFTED = "lifted"
    EXPORTED = "exported"


class PastEvent(Base):
    """One thing that happened to a person. Deleted with everything else when they are forgotten.

    Without a subscriber it happened to everybody who was there at that moment: an export of all.
    """

    __tablename__ = "subscriber_history"

    id: Mapped[int] = mapped_column(primary_key=True)
    subscriber_id: Mapped[int | None] = mapped_column(
        ForeignKey("subscriber.id", ondelete="CASCADE"), index=True
    )
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(24))
    detail: Mapped[str] = mapped_column(String(300), default="")
    """In plain words; no address."""


def remember(
    session: Session, subscriber_id: int | None, kind: Happened, *, at: datetime, detail: str = ""
) -> None:
    """Write down that it happened; to everybody who is here, without a subscriber."""
    session.add(PastEvent(subscriber_id=subscriber_id, at=at, kind=kind, detail=detail[:300]))


def remember_of_many(
    session: Session, people: Select[int], kind: Happened, *, at: datetime, detail: str = ""
) -> None:
    """The same of all whom `people`, a query for their numbers, finds."""
    told = people.add_columns(literal(at, PastEvent.at.type), literal(str(kind)), literal(detail[:300]))
    session.execute(insert(PastEvent).from_select(["subscriber_id", "at", "kind", "detail"], told))
