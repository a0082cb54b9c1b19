"""What a receiver reads: numbers, moments, the campaign's own words; an address only where asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from delivery.records import DeliveryRecord
from delivery.standard_webhooks import make_secret, signed_headers
from scheduler.send import Send
from scheduler.webhook import EventName, Webhook, WebhookPost
from subscribers.subscriber import Subscriber

BOTH_FOR = timedelta(hours=24)
"""After `webhooks secret --rotate` messages are signed with the former secret, too."""


@dataclass(frozen=True)
class Message:
    """One signed request. Its body may have somebody's address in it."""

    post_id: int
    headers: dict[str, str]
    body: bytes = field(repr=False)


def secrets_of(webhook: Webhook, keys: Sequence[str], *, now: datetime) -> list[str]:
    """The receiver's secrets, the newest first: of every key that signs links, and for a day of the former
    salt."""
    salts = [webhook.salt]
    if webhook.former_salt and webhook.rotated_at and now - webhook.rotated_at < BOTH_FOR:
        salts.append(webhook.former_salt)
    return [make_secret(key, salt) for salt in salts for key in keys]


def message_of(
    session: Session, webhook: Webhook, post: WebhookPost, *, keys: Sequence[str], now: datetime
) -> Message:
    """The same body for the same post each time, but for the address of somebody who was forgotten since."""
    data: dict[str, Any] = {"subscriber": post.subscriber_id}
    data |= {"interview": post.interview_id} if post.interview_id else {}
    if post.send_id:
        data |= _of_send(session, post, post.send_id)
    elif post.detail:
        data |= _of_detail(post)
    if webhook.has_address:
        person = session.get(Subscriber, post.subscriber_id)
        data["address"] = person.address if person else None
    return sign(
        post.message_id, EventName(post.type), post.occurred_at, data,
        secrets=secrets_of(webhook, keys, now=now), now=now, post_id=post.id,
    )  # fmt: skip


def sign(
    message_id: str,
    name: str,
    occurred_at: datetime,
    data: dict[str, Any],
    *,
    secrets: Sequence[str],
    now: datetime,
    post_id: int = 0,
) -> Message:
    body = orjson.dumps({"type": name, "timestamp": occurred_at, "data": data}, option=orjson.OPT_UTC_Z)
    headers = {"Content-Type": "application/json", "User-Agent": "runup-webhooks"}
    return Message(post_id, headers | signed_headers(message_id, body, secrets=secrets, now=now), body)


def _of_send(session: Session, post: WebhookPost, send_id: int) -> dict[str, Any]:
    send = session.get(Send, send_id)
    data: dict[str, Any] = {"send": send_id}
    if send is not None:
        data |= {"campaign": send.campaign, "step": send.step}
    if post.type == EventName.BOUNCED:
        data |= {"kind": post.detail, "is_permanent": _is_permanent(session, send)}
    return data


def _is_permanent(session: Session, send: Send | None) -> bool:
    if send is None:
        return False
    found = select(DeliveryRecord.id).where(
        DeliveryRecord.reference == send.reference,
        DeliveryRecord.type.in_(("bounced", "dropped")),
        DeliveryRecord.is_permanent.is_(True),
    )
    return session.scalar(found.limit(1)) is not None


def _of_detail(post: WebhookPost) -> dict[str, Any]:
    if post.type == EventName.OUTCOME:
        return {"outcome": post.detail}
    kind, _, key = post.detail.partition(":")
    if kind == "sequence":
        return {"campaign": key}
    return {"list": key} if kind == "newsletter" else {"scope": "everything"}
