"""Many people at once: what `reconcile` does for each, with as many statements for all as for one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, and_, bindparam, or_, select
from sqlalchemy.orm import Session

from campaigns.applied_catalog import applied
from campaigns.catalog import Catalog
from campaigns.enrollment import Enrollment
from campaigns.planning import Situation, plan
from scheduler.asking import asked_elsewhere
from scheduler.enrolling import enroll
from scheduler.ledger import Ledger
from scheduler.reconcile import read_rows, reconcile
from scheduler.send import UNSENT, Send, is_in
from scheduler.situations import read_campaigns, read_situations
from subscribers.lists import Subscription
from subscribers.subscriber import Subscriber


def reconcile_many(session: Session, ids: Collection[int], *, catalog: Catalog, now: datetime) -> int:
    """Make the sends of these people agree with their plans; returns how many people there were.

    All of them are locked until the transaction ends: take a page of people, not a town. Who is asked for
    their yes to a newsletter, has an issue to come, or is erased, is planned by `reconcile` itself.
    """
    people = session.scalars(
        select(Subscriber)
        .where(Subscriber.id.in_(ids))
        .order_by(Subscriber.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    session.flush()
    alone = _alone(session, people)
    together = [person for person in people if person.id not in alone]
    _plan(session, together, catalog=catalog, now=now)
    for identity in sorted(alone):
        reconcile(session, identity, catalog=catalog, now=now)
    return len(people)


def _alone(session: Session, people: Sequence[Subscriber]) -> set[int]:
    """Whose plan follows from more than what is read for many."""
    values = {"people": [person.id for person in people]}
    erased = [person.id for person in people if person.erased_at is not None]
    return {*session.scalars(_ASKED, values), *session.scalars(_WRITING, values), *erased}


_PEOPLE: BindParameter[Any] = bindparam("people", expanding=True)
_ASKED = select(Subscription.subscriber_id).where(
    Subscription.subscriber_id.in_(_PEOPLE),
    Subscription.confirmed_at.is_(None),
    Subscription.ended_at.is_(None),
)
_WRITING = select(Send.subscriber_id).where(
    Send.subscriber_id.in_(_PEOPLE),
    or_(Send.subscription_id.is_not(None), and_(Send.issue_id.is_not(None), is_in(*UNSENT))),
)


def _plan(session: Session, people: Sequence[Subscriber], *, catalog: Catalog, now: datetime) -> None:
    epochs = {person.id: person.epoch for person in people}
    enroll(session, epochs, catalog=catalog, now=now)
    # Read with the people locked: whatever is applied from here on finds them planned by an older version.
    shelf = applied(session, catalog)
    rows: dict[int, list[Send]] = defaultdict(list)
    for row in read_rows(session, epochs):
        rows[row.subscriber_id].append(row)
    situations = read_situations(
        session, list(epochs), catalog=shelf, campaigns=read_campaigns(session), sends=rows
    )
    situations = _as_asked(session, situations, now=now)
    plans = [
        (Ledger(one, rows[one.person.id], epoch=epochs[one.person.id], now=now), plan(one, now=now))
        for one in situations
    ]
    # What goes, goes first: a row taken up for another occasion must not meet the old one.
    for ledger, planned in plans:
        ledger.withdraw(planned)
    session.flush()
    new: list[Send] = []
    for ledger, planned in plans:
        new += ledger.schedule(planned)
    # Rows that leave the same columns empty go in with one statement.
    new.sort(key=lambda row: (row.due_at is None, row.reason is None))
    # Nobody asks for these rows again in this transaction: they need not come back with their ids.
    session.bulk_save_objects(new)
    for person in people:
        person.planned_epoch = person.epoch
    for enrollment in session.scalars(select(Enrollment).where(Enrollment.subscriber_id.in_(epochs))):
        enrollment.planned_number = shelf.number(enrollment.campaign)
    session.flush()


def _as_asked(session: Session, situations: Sequence[Situation], *, now: datetime) -> list[Situation]:
    """With when their mailboxes were asked for a yes, of those who have one to give."""
    waiting = [one.person.id for one in situations if any(not each.confirmed_at for each in one.passages)]
    asked = asked_elsewhere(session, waiting, now=now) if waiting else {}
    return [replace(one, asked_elsewhere=asked.get(one.person.id, ())) for one in situations]
