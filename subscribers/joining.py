"""Onto newsletter lists and off them, each with a consent or a refusal of its own."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from subscribers.consent import WORDING_VERSION, Consent
from subscribers.lists import NewsletterList, Subscription, lists_of
from subscribers.subscriber import Subscriber, lock_subscriber
from subscribers.suppression import Reason, lift, suppress


def join_list(
    session: Session,
    subscriber: Subscriber,
    wanted: NewsletterList,
    *,
    now: datetime,
    source: str,
    wording: str = "",
) -> bool:
    """A person whose address is proven asks for a newsletter. Returns whether that is new.

    `wording`: what they read, where that was not the list's own English.
    Whether the list is open to everybody is the caller's to ask.
    """
    locked = lock_subscriber(session, subscriber.id)
    assert locked is not None, "they are looking at their plan"
    place = _place(session, locked, wanted.key)
    if place is not None and place.is_held:
        return False
    if place is None:
        place = Subscription(subscriber_id=locked.id, list_key=wanted.key)
        session.add(place)
    # They stand inside, behind a link that was sent to them: that is the yes.
    place.subscribed_at, place.confirmed_at, place.ended_at = now, now, None
    session.add(
        Consent(
            subscriber_id=locked.id,
            purpose=wanted.purpose,
            wording=wording or f"{wanted.wording}",
            wording_version=WORDING_VERSION,
            source=source,
            agreed_at=now,
            confirmed_at=now,
        )
    )
    if locked.address_hmac is not None:
        lift(session, locked.address_hmac, scope=wanted.key)
    locked.touch()
    session.flush()
    return True


def leave_list(session: Session, subscriber: Subscriber, list_key: str, *, now: datetime) -> bool:
    """No more of this newsletter, whoever imports the address again. Returns whether that is new."""
    locked = lock_subscriber(session, subscriber.id)
    place = _place(session, locked, list_key) if locked else None
    if locked is None or place is None or place.ended_at is not None:
        return False
    place.ended_at = now
    if locked.address_hmac is not None:
        suppress(session, locked.address_hmac, Reason.UNSUBSCRIBED, now=now, scope=list_key)
    locked.touch()
    session.flush()
    return True


def leave_all_lists(session: Session, subscriber: Subscriber, *, now: datetime) -> bool:
    """Off every list. Returns whether they were on one."""
    left = [leave_list(session, subscriber, key, now=now) for key in sorted(lists_of(session, subscriber.id))]
    return any(left)


def _place(session: Session, subscriber: Subscriber, list_key: str) -> Subscription | None:
    return session.scalar(
        select(Subscription).where(
            Subscription.subscriber_id == subscriber.id, Subscription.list_key == list_key
        )
    )
