"""The receivers of webhooks and their messages, as operators see them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from scheduler.outbox import waiting
from scheduler.webhook import Webhook, WebhookPost

_SHOWN = (
    "id", "message_id", "type", "subscriber_id", "interview_id", "send_id", "detail", "occurred_at", "state",
    "attempts", "done_at", "status", "error",
)  # fmt: skip


def receiver(webhook: Webhook) -> str:
    """Its address without the query, which may hold a key."""
    parts = urlsplit(webhook.url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}" + ("?…" if parts.query else "")


def row_of(session: Session, webhook: Webhook) -> dict[str, Any]:
    """How it goes. `failing`: it is on, and has taken nothing since `failing_since`."""
    is_failing = webhook.state == "on" and webhook.failing_since is not None
    return {
        "id": webhook.id,
        "receiver": receiver(webhook),
        "events": webhook.names,
        "has_address": webhook.has_address,
        "state": "failing" if is_failing else webhook.state,
        "waiting": waiting(session, webhook.id),
        "why": webhook.why,
        "created_at": webhook.created_at,
        "failing_since": webhook.failing_since,
        "next_at": webhook.next_at,
        "succeeded_at": webhook.succeeded_at,
    }


def webhook_rows(session: Session) -> list[dict[str, Any]]:
    """All of them."""
    return [row_of(session, webhook) for webhook in session.scalars(select(Webhook).order_by(Webhook.id))]


def post_row(post: WebhookPost) -> dict[str, Any]:
    shown = {name: getattr(post, name) for name in _SHOWN}
    return shown | {"next_at": post.next_at if post.state == "waiting" else None}
