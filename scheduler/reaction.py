"""What readers did with an email after it came: called it spam and, only where that is asked for, opened or
clicked."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from runup.database import Base


class ReactionKind(StrEnum):
    COMPLAINED = "complained"
    OPENED = "opened"
    CLICKED = "clicked"


class Target(Base):
    """Where a link of an email leads. A click names it by its number: no address comes from outside."""

    __tablename__ = "target"

    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    """The first 128 bits of SHA-256 of `url`: the address may be longer than an index takes."""
    url: Mapped[str] = mapped_column(String(2000))
    created_at: Mapped[datetime]


class Reaction(Base):
    """One thing one reader did, or a machine on their behalf. A complaint is kept as long as its send."""

    __tablename__ = "reaction"
    __table_args__ = (Index("ix_reaction_send", "send_id", "kind"), Index("ix_reaction_at", "at"))

    id: Mapped[int] = mapped_column(primary_key=True)
    send_id: Mapped[int] = mapped_column(ForeignKey("send.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(12))
    target_id: Mapped[int | None] = mapped_column(ForeignKey("target.id"))
    at: Mapped[datetime]
    machine: Mapped[str] = mapped_column(String(16), default="")
    """Empty: a person, as far as anybody can tell. Else by what a machine was recognized."""
