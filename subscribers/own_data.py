"""One person's own data: all of it to read, and all of it gone."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from subscribers.consent import Consent
from subscribers.interview import Format, Interview, Interviewers, Mode
from subscribers.lists import Subscription
from subscribers.merged import forget_former, former_hashes
from subscribers.past import Happened, PastEvent
from subscribers.pausing import EmailPause
from subscribers.subscriber import Subscriber, lock_subscriber
from subscribers.suppression import Reason, find_suppression, suppress
from subscribers.tags import SubscriberTag, tags_of

_SECRET = {
    "address_hmac",
    "mailbox_hmac",
    "former_hmac",
    "merged_into",
    "sender_hmac",
    "epoch",
    "planned_epoch",
    "subscriber_id",
}
"""Means nothing to the person, or is a key of ours."""


def own_data(session: Session, subscriber: Subscriber) -> dict[str, Any]:
    """Everything kept in this room about a person, as plain values: dates, moments (aware UTC), text.

    What was sent is the scheduler's to tell; the front door puts it beside this.
    """
    suppression = subscriber.address_hmac and find_suppression(session, subscriber.address_hmac)
    return {
        "subscriber": _values(subscriber),
        "interviews": [_values(i) for i in _all(session, Interview, subscriber)],
        "consents": [_values(c) for c in _all(session, Consent, subscriber)],
        "newsletters": [_values(s) for s in _all(session, Subscription, subscriber)],
        "tags": list(tags_of(session, subscriber.id)),
        "pauses": [_values(p) for p in _all(session, EmailPause, subscriber)],
        "history": [_values(e) for e in _all(session, PastEvent, subscriber)],
        "suppression": {"reason": suppression.reason, "since": suppression.created_at}
        if suppression
        else None,
    }


def erase(session: Session, subscriber: Subscriber, *, now: datetime) -> bool:
    """Forget a person. Returns whether there was anything to forget.

    As `forget_person`, and the address is suppressed as a keyed hash, so that no old file brings it back.
    What is planned is withdrawn by the `reconcile` that the caller runs in the same transaction.
    """
    locked = lock_subscriber(session, subscriber.id)
    if locked is None or locked.erased_at is not None:
        return False
    for key in {locked.address_hmac, *former_hashes(session, {locked.id}).get(locked.id, ())} - {None}:
        assert key is not None
        suppress(session, key, Reason.ERASED, now=now)
    return forget_person(session, locked, now=now)


def forget_person(session: Session, subscriber: Subscriber, *, now: datetime) -> bool:
    """Address, name, zone, everything told about interviews and the proof of consents are gone; rows stay as
    bare numbers for the counts. Returns whether there was anything to forget."""
    locked = lock_subscriber(session, subscriber.id)
    if locked is None or locked.erased_at is not None:
        return False
    for interview in _all(session, Interview, locked):
        forget_interview(session, interview, now=now)
    for consent in _all(session, Consent, locked):
        consent.proof, consent.sender_hmac, consent.source = "", "", "erased"
    for subscription in _all(session, Subscription, locked):
        subscription.ended_at = subscription.ended_at or now
    for kind in (EmailPause, SubscriberTag, PastEvent):
        session.execute(delete(kind).where(kind.subscriber_id == locked.id))
    locked.address, locked.address_hmac, locked.mailbox_hmac, locked.first_name = None, None, None, ""
    locked.home_zone, locked.locale = "UTC", "en"
    locked.wants_goodbye = False
    forget_former(session, locked.id)
    locked.erased_at = now
    locked.touch()
    session.flush()
    return True


def forget_interview(session: Session, interview: Interview, *, now: datetime) -> None:
    """All that was told about an interview is gone; its day stays, for the counts."""
    subscriber = lock_subscriber(session, interview.subscriber_id)
    assert subscriber is not None, "an interview has a subscriber"
    interview.company = interview.role = interview.country = ""
    interview.mode, interview.interviewers, interview.format = (
        Mode.UNKNOWN,
        Interviewers.UNKNOWN,
        Format.UNKNOWN,
    )
    interview.start_time, interview.zone, interview.decision_on = None, "UTC", None
    interview.outcome, interview.outcome_at = None, None
    interview.forgotten_at = interview.forgotten_at or now
    session.execute(
        delete(PastEvent).where(
            PastEvent.subscriber_id == subscriber.id,
            PastEvent.kind == Happened.MOVED,
            PastEvent.detail.startswith(f"interview {interview.id}:"),
        )
    )
    subscriber.touch()


def _all(session: Session, kind: type[Any], subscriber: Subscriber) -> list[Any]:
    return list(session.scalars(select(kind).where(kind.subscriber_id == subscriber.id).order_by(kind.id)))


def _values(row: Any) -> dict[str, Any]:
    return {c.key: getattr(row, c.key) for c in row.__table__.columns if c.key not in _SECRET}
