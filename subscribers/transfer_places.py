"""A row that tells of a place on a newsletter list, about somebody who is known."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from subscribers.consent import Consent
from subscribers.lists import Subscription
from subscribers.subscriber import Subscriber
from subscribers.suppression import Reason, suppress
from subscribers.transfer_record import Record


def put_on_list(
    session: Session, subscriber: Subscriber, record: Record, *, source: str, now: datetime
) -> bool:
    """Returns whether the place is new. A place that somebody left stays left; one that waits for a yes
    gets it from a row with proof."""
    place = session.scalar(
        select(Subscription).where(
            Subscription.subscriber_id == subscriber.id, Subscription.list_key == record.list_key
        )
    )
    is_new = place is None
    if place is None:
        place = Subscription(
            subscriber_id=subscriber.id,
            list_key=record.list_key,
            subscribed_at=record.signed_up_at or now,
            confirmed_at=record.confirmed_at,
        )
        session.add(place)
        _agree(session, subscriber, record, source=source, now=now)
    elif place.ended_at is None and place.confirmed_at is None and record.confirmed_at:
        place.confirmed_at = record.confirmed_at
        _agree(session, subscriber, record, source=source, now=now)
    if record.list_left_at and place.ended_at is None:
        _leave(session, subscriber, place, at=record.list_left_at)
    return is_new


def _agree(session: Session, subscriber: Subscriber, record: Record, *, source: str, now: datetime) -> None:
    consent = record.consent_to(f"newsletter:{record.list_key}", source=source, now=now)
    session.add(Consent(subscriber_id=subscriber.id, **consent))
    subscriber.confirmed_at = subscriber.confirmed_at or record.confirmed_at
    subscriber.touch()


def _leave(session: Session, subscriber: Subscriber, place: Subscription, *, at: datetime) -> None:
    place.ended_at = at
    if subscriber.address_hmac:
        suppress(session, subscriber.address_hmac, Reason.UNSUBSCRIBED, now=at, scope=place.list_key)
    subscriber.touch()
