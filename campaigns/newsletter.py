"""A newsletter's issues: what is written, where it stands, and what of it everybody may read afterwards."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, time
from enum import StrEnum

from sqlalchemy import CheckConstraint, ColumnElement, Index, String, Text, UniqueConstraint, and_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from runup.database import Base


class IssueState(StrEnum):
    """Where an issue stands. Only an approved one can be scheduled; CANCELED is final, and SENT as well
    unless it is sent again to those who never got it. One that rests keeps its state (`paused_at`)."""

    DRAFT = "draft"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    SENT = "sent"
    CANCELED = "canceled"


class NewsletterIssue(Base):
    """One sending of a list's newsletter: to all of the list, or to those of whom `audience` holds.

    It leaves at one moment for everybody (`scheduled_at`), or at one hour of the day where each reader lives
    (`local_on`, `local_time`); never both. `slug` names it in the archive for good. Whoever is on the list
    when its sending begins gets it: one send per reader, or a send that says why not.
    """

    __tablename__ = "newsletter_issue"
    __table_args__ = (
        UniqueConstraint("list_key", "slug"),
        CheckConstraint("state <> 'sent' OR sent_at IS NOT NULL", name="sent_has_a_moment"),
        CheckConstraint("sent_at IS NULL OR state IN ('sent', 'sending')", name="moment_of_what_was_sent"),
        CheckConstraint("(local_on IS NULL) = (local_time IS NULL)", name="local_day_has_an_hour"),
        CheckConstraint("scheduled_at IS NULL OR local_on IS NULL", name="one_way_to_be_due"),
        CheckConstraint(
            "state NOT IN ('scheduled', 'sending') OR scheduled_at IS NOT NULL OR local_on IS NOT NULL",
            name="scheduled_is_due",
        ),
        Index("ix_newsletter_issue_sent", "sent_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    list_key: Mapped[str] = mapped_column(String(64))
    slug: Mapped[str] = mapped_column(String(80))
    subject: Mapped[str] = mapped_column(String(200))
    preheader: Mapped[str] = mapped_column(String(200), default="")
    html: Mapped[str] = mapped_column(Text, default="")
    text: Mapped[str] = mapped_column(Text, default="")
    """Also what the archive shows: without any reader's own links."""
    audience: Mapped[str] = mapped_column(Text, default="")
    """A filter over the list's readers; empty: all of them."""
    state: Mapped[str] = mapped_column(String(16), default=IssueState.DRAFT)
    is_public: Mapped[bool] = mapped_column(default=False)
    """Whether the archive shows it once it is sent, given that its list is public."""
    created_at: Mapped[datetime]
    approved_at: Mapped[datetime | None]
    scheduled_at: Mapped[datetime | None]
    local_on: Mapped[date | None]
    local_time: Mapped[time | None]
    sent_at: Mapped[datetime | None]
    """When the last of its sends was final, the first time."""
    words: Mapped[str] = mapped_column(Text, default="")
    """What is sent, as JSON of a CompiledCampaign with the one step `issue` (campaigns.issue_words)."""
    expires_after: Mapped[int] = mapped_column(default=86_400)
    """Seconds after a reader's moment in which it may still leave to them."""
    per_hour: Mapped[int | None]
    """At most so many leave in an hour; None: no limit of its own."""
    warm_up: Mapped[str] = mapped_column(String(200), default="")
    """At most so many on its first, second … day of sending, with spaces between; afterwards all the rest."""
    started_at: Mapped[datetime | None]
    """When its sending began; the days of the warm-up count from it."""
    paused_at: Mapped[datetime | None]
    """Nothing of it leaves while this is set."""
    why_paused: Mapped[str] = mapped_column(String(300), default="")
    """Empty when an operator paused it; else what made a worker do so."""
    resumed_at: Mapped[datetime | None]
    """When it last went on."""
    canceled_at: Mapped[datetime | None]
    round: Mapped[int] = mapped_column(default=0)
    """How often it was sent again to those who never got it; the occurrence of the sends of that time."""
    also_unknown: Mapped[bool] = mapped_column(default=False)
    """Of this round: also to those of whom nobody can tell."""
    expanded_to: Mapped[int] = mapped_column(default=0)
    """In this round sends have been made for all places on the list up to this id."""
    expanded_at: Mapped[datetime | None]
    """When the sends of this round were all made; None while some are missing."""


def published(session: Session, lists: Collection[str], *, most: int = 200) -> list[NewsletterIssue]:
    """The issues of these lists that everybody may read, the newest first."""
    return list(
        session.scalars(
            select(NewsletterIssue)
            .where(_is_published(), NewsletterIssue.list_key.in_(lists))
            .order_by(NewsletterIssue.sent_at.desc(), NewsletterIssue.id.desc())
            .limit(most)
        )
    )


def find_published(session: Session, list_key: str, slug: str) -> NewsletterIssue | None:
    """The issue of that name, if everybody may read it."""
    return session.scalar(
        select(NewsletterIssue).where(
            _is_published(), NewsletterIssue.list_key == list_key, NewsletterIssue.slug == slug
        )
    )


def _is_published() -> ColumnElement[bool]:
    # One that is sent again to a few has been sent: it stays where everybody may read it.
    return and_(NewsletterIssue.sent_at.is_not(None), NewsletterIssue.is_public)
