"""Many people at once: what `reconcile` does for each, with as many statements for all as for one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from campaigns.applied_catalog import Applied, applied
from campaigns.catalog import Catalog
from campaigns.enrollment import Enrollment
from campaigns.planning import plan
from scheduler.ledger import Ledger
from scheduler.reconcile import read_rows, reconcile
from scheduler.send import Send
from scheduler.situations import read_campaigns, read_situations
from subscribers.interview import Interview
from subscribers.lists import Subscription
from subscribers.subscriber import Subscriber


def reconcile_many(session: Session, ids: Collection[int], *, catalog: Catalog, now: datetime) -> int:
    """Make the sends of these people agree with their plans; returns how many people there were.

    All of them are locked until the transaction ends: take a page of people, not a town. Whoever is in the
    middle of signing up, for an interview or a newsletter, is planned by `reconcile` itself.
    """
    people = session.scalars(
        select(Subscriber)
        .where(Subscriber.id.in_(ids))
        .order_by(Subscriber.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    session.flush()
    alone = _alone(session, ids)
    together = [person for person in people if person.id not in alone]
    _plan(session, together, shelf=applied(session, catalog), now=now)
    for identity in sorted(alone):
        reconcile(session, identity, catalog=catalog, now=now)
    return len(people)


def _alone(session: Session, ids: Collection[int]) -> set[int]:
    """Whose plan follows from more than what is read for many."""
    joining = (
        select(Interview.subscriber_id)
        .outerjoin(
            Enrollment,
            (Enrollment.interview_id == Interview.id) & (Enrollment.campaign == Interview.campaign),
        )
        .where(Interview.subscriber_id.in_(ids))
        .where(or_(Enrollment.id.is_(None), Interview.confirmed_at.is_(None)))
    )
    reading = select(Subscription.subscriber_id).where(Subscription.subscriber_id.in_(ids))
    return {*session.scalars(joining), *session.scalars(reading)}


def _plan(session: Session, people: Sequence[Subscriber], *, shelf: Applied, now: datetime) -> None:
    rows: dict[int, list[Send]] = defaultdict(list)
    for row in read_rows(session, [person.id for person in people]):
        rows[row.subscriber_id].append(row)
    epochs = {person.id: person.epoch for person in people}
    situations = read_situations(
        session, list(epochs), catalog=shelf, campaigns=read_campaigns(session), sends=rows
    )
    plans = [
        (Ledger(one, rows[one.person.id], epoch=epochs[one.person.id], now=now), plan(one, now=now))
        for one in situations
    ]
    # What goes, goes first: a row taken up for another occasion must not meet the old one.
    for ledger, planned in plans:
        ledger.withdraw(planned)
    session.flush()
    for ledger, planned in plans:
        session.add_all(ledger.schedule(planned))
    for person in people:
        person.planned_epoch = person.epoch
    for enrollment in session.scalars(select(Enrollment).where(Enrollment.subscriber_id.in_(epochs))):
        enrollment.planned_number = shelf.number(enrollment.campaign)
    session.flush()
