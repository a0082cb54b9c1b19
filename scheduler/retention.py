"""What we said we would forget: an interview thirty days after it, a sign-up nobody confirmed, a person who
has nothing left here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Select, exists, func, or_, select
from sqlalchemy.orm import Session

from campaigns.catalog import Catalog
from delivery.records import forget_old_records, old_records
from runup.database import Database
from scheduler.reconcile import reconcile
from scheduler.transaction import transact
from subscribers.interview import Interview
from subscribers.lists import Subscription
from subscribers.own_data import forget_interview, forget_person
from subscribers.subscriber import Subscriber

KEPT_FOR = timedelta(days=30)
"""The consent's own words: "My details are deleted 30 days after the interview"."""
UNCONFIRMED_FOR = timedelta(days=7)
"""The link works for three days; a little longer tells a person who asks what became of it."""
_A_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Overdue:
    """How many people, interviews and events are to be forgotten by now."""

    people: int
    interviews: int
    events: int


def overdue(session: Session, *, now: datetime) -> Overdue:
    """What `forget_all` would forget. Interviews of people who go whole are not counted."""
    people = _people(now).order_by(None).subquery()
    interviews = _interviews(now).order_by(None).subquery()
    staying = select(func.count()).select_from(interviews)
    return Overdue(
        people=session.scalar(select(func.count()).select_from(people)) or 0,
        interviews=session.scalar(staying.where(interviews.c.subscriber_id.not_in(select(people.c.id)))) or 0,
        events=old_records(session, now=now),
    )


def forget_all(
    database: Database, *, catalog: Catalog, now: datetime, progress: Callable[[int], None] = lambda _: None
) -> None:
    """Forget all whose time is over, in small transactions: whoever writes meanwhile waits for a moment."""
    while forgotten := transact(database, lambda session: forget_overdue(session, catalog=catalog, now=now)):
        progress(forgotten)
    while forgotten := transact(database, lambda session: forget_old_records(session, now=now)):
        progress(forgotten)


def forget_overdue(session: Session, *, catalog: Catalog, now: datetime, most: int = 200) -> int:
    """Forget up to `most` people and interviews whose time is over; returns how many. Harmless to repeat.

    Nobody is suppressed for that: they are welcome to sign up again. Rows stay as bare numbers.
    """
    people = list(session.scalars(_people(now).limit(most)))
    for subscriber_id in people:
        forget_person(session, session.get_one(Subscriber, subscriber_id), now=now)
        reconcile(session, subscriber_id, catalog=catalog, now=now)
    interviews = list(session.scalars(_interviews(now).limit(most - len(people))))
    for interview in interviews:
        forget_interview(session, interview, now=now)
        reconcile(session, interview.subscriber_id, catalog=catalog, now=now)
    return len(people) + len(interviews)


def _people(now: datetime) -> Select[int]:
    """Those whom nothing holds here: no interview of the last thirty days or to come, no newsletter, no
    confirmation we wait for."""
    held = exists().where(
        Interview.subscriber_id == Subscriber.id,
        Interview.confirmed_at.is_not(None),
        Interview.held_on >= _oldest(now),
    )
    waiting = exists().where(
        Interview.subscriber_id == Subscriber.id,
        Interview.confirmed_at.is_(None),
        Interview.requested_at > now - UNCONFIRMED_FOR,
    )
    on_a_list = exists().where(
        Subscription.subscriber_id == Subscriber.id,
        Subscription.ended_at.is_(None),
        or_(Subscription.confirmed_at.is_not(None), Subscription.subscribed_at > now - UNCONFIRMED_FOR),
    )
    return (
        select(Subscriber.id)
        .where(Subscriber.erased_at.is_(None), Subscriber.created_at < now - UNCONFIRMED_FOR)
        .where(~held, ~waiting, ~on_a_list)
        .order_by(Subscriber.id)
    )


def _interviews(now: datetime) -> Select[Interview]:
    """Past interviews of people who stay, for another interview or the newsletter."""
    return (
        select(Interview)
        .join(Subscriber, Subscriber.id == Interview.subscriber_id)
        .where(
            Subscriber.erased_at.is_(None),
            Interview.forgotten_at.is_(None),
            Interview.held_on < _oldest(now),
        )
        .order_by(Interview.id)
    )


def _oldest(now: datetime) -> date:
    """The earliest day that is kept. A day more than promised would be too long anywhere; one of grace for
    the zones where the day ends later than in UTC."""
    return (now - KEPT_FOR - _A_DAY).date()
