"""Who has just unsubscribed and did not mean all of it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from subscribers.interview import Interview
from subscribers.joining import leave_all_lists
from subscribers.pausing import EmailPause, pause_emails
from subscribers.subscriber import Subscriber, lock_subscriber
from subscribers.suppression import Reason, find_suppression, lift


def come_back(session: Session, subscriber: Subscriber, *, now: datetime) -> bool:
    """Take one's own unsubscribing back. Returns whether there was one; a bounce or a complaint stands.

    The time between counts as a pause: what was missed in it does not burst.
    """
    locked = lock_subscriber(session, subscriber.id)
    if locked is None or locked.address_hmac is None:
        return False
    found = find_suppression(session, locked.address_hmac)
    if found is None or found.reason != Reason.UNSUBSCRIBED:
        return False
    lift(session, locked.address_hmac)
    session.add(EmailPause(subscriber_id=locked.id, began_at=found.created_at, ended_at=now))
    locked.unsubscribed_at, locked.wants_goodbye = None, False
    locked.touch()
    session.flush()
    return True


def keep_only_interview(
    session: Session, subscriber: Subscriber, interview: Interview, *, now: datetime
) -> bool:
    """Only the emails about `interview`: off all lists, and the other interviews rest. Returns whether they
    had unsubscribed; nothing changes otherwise."""
    if not come_back(session, subscriber, now=now):
        return False
    leave_all_lists(session, subscriber, now=now)
    rest_interviews(session, subscriber, now=now, but=interview)
    return True


def keep_only_newsletter(session: Session, subscriber: Subscriber, *, now: datetime) -> bool:
    """Only the newsletters they were on: every interview rests. Returns whether they had unsubscribed."""
    if not come_back(session, subscriber, now=now):
        return False
    rest_interviews(session, subscriber, now=now)
    return True


def rest_interviews(
    session: Session, subscriber: Subscriber, *, now: datetime, but: Interview | None = None
) -> None:
    """No emails about their interviews, until they want them again."""
    for interview in subscriber.interviews:
        if interview.confirmed_at and (but is None or interview.id != but.id):
            pause_emails(session, subscriber, until_on=None, now=now, interview=interview)
