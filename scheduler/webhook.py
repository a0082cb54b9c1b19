"""Who is told of what happens here, and what still has to be told: an outbox in the database."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from runup.database import Base


class EventName(StrEnum):
    """What may be told; docs/how-to/webhooks.md says what each means."""

    SIGN_UP = "sign_up"
    CONFIRMED = "confirmed"
    SENT = "sent"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"
    OUTCOME = "outcome"


class Webhook(Base):
    """One receiver. Its secret is not here: it is made of `salt` and the installation's own keys."""

    __tablename__ = "webhook"

    id: Mapped[int] = mapped_column(primary_key=True)
    url: Mapped[str] = mapped_column(String(500))
    events: Mapped[str] = mapped_column(String(200))
    """Names with commas before, between and after, as a LIKE in the database finds them."""
    has_address: Mapped[bool] = mapped_column(default=False)
    """The operator wants people's addresses in it."""
    salt: Mapped[str] = mapped_column(String(32))
    former_salt: Mapped[str] = mapped_column(String(32), default="")
    rotated_at: Mapped[datetime | None]
    state: Mapped[str] = mapped_column(String(8), default="on")
    """`on`, or `off` with `why`: nothing is written for it then, and nothing is posted."""
    why: Mapped[str] = mapped_column(String(300), default="")
    created_at: Mapped[datetime]
    failing_since: Mapped[datetime | None]
    """The first failure after the last success."""
    failures: Mapped[int] = mapped_column(default=0)
    """In a row, of the kind that says nothing about one message."""
    next_at: Mapped[datetime | None]
    """Nothing is posted before: the receiver is away, or asked us to wait."""
    succeeded_at: Mapped[datetime | None]

    def __repr__(self) -> str:
        return f"Webhook(id={self.id}, state={self.state!r})"  # the address may hold a secret

    @property
    def names(self) -> list[str]:
        return [name for name in self.events.split(",") if name]


class WebhookPost(Base):
    """One message to one receiver, written by the fact's own transaction (webhook_triggers). It holds numbers
    and moments; people's words are looked up when it is posted, and not at all of whom we have forgotten."""

    __tablename__ = "webhook_post"
    __table_args__ = (
        Index("ix_webhook_post_waiting", "webhook_id", "id",
              sqlite_where=text("state = 'waiting'"), postgresql_where=text("state = 'waiting'")),
        Index("ix_webhook_post_person", "webhook_id", "subscriber_id", "id",
              sqlite_where=text("state = 'waiting'"), postgresql_where=text("state = 'waiting'")),
        Index("ix_webhook_post_complaint", "send_id",
              sqlite_where=text("type = 'complained'"), postgresql_where=text("type = 'complained'")),
        Index("ix_webhook_post_done_at", "done_at"),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    webhook_id: Mapped[int] = mapped_column(ForeignKey("webhook.id", ondelete="CASCADE"))
    message_id: Mapped[str] = mapped_column(String(40))
    """Random: what makes a message that comes twice known as one, also after a restored backup."""
    type: Mapped[str] = mapped_column(String(16))
    subscriber_id: Mapped[int]
    interview_id: Mapped[int | None]
    send_id: Mapped[int | None]
    detail: Mapped[str] = mapped_column(String(120), default="")
    occurred_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(8), default="waiting")
    """`waiting`, `done`, or `failed`: given up."""
    next_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    done_at: Mapped[datetime | None]
    status: Mapped[int] = mapped_column(default=0)
    """The receiver's latest answer; 0 when none came."""
    error: Mapped[str] = mapped_column(String(200), default="")
