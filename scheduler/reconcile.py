from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from campaigns.applied_catalog import applied
from campaigns.catalog import Catalog
from campaigns.planning import PlannedSend, plan
from scheduler.asking import asked_elsewhere
from scheduler.enrolling import enroll, enrollments_of
from scheduler.issue_rows import agree
from scheduler.ledger import Ledger
from scheduler.readers import forget_reader
from scheduler.send import UNSENT, Send, is_in
from scheduler.situation import read_situation
from subscribers.subscriber import lock_subscriber


def reconcile(session: Session, subscriber_id: int, *, catalog: Catalog, now: datetime) -> list[PlannedSend]:
    """Make a person's sends agree with the plan: insert, move, withdraw. The only way sends come and go.

    Call it in the transaction that changed the facts; running it again changes nothing. What is on the wire
    or has left is never touched, and a final row never changes. Returns the plan.
    """
    subscriber = lock_subscriber(session, subscriber_id)
    if subscriber is None:
        return []
    if subscriber.erased_at is not None:
        forget_reader(session, subscriber_id)
    session.flush()
    enroll(session, [subscriber_id], catalog=catalog, now=now)
    enrollments = enrollments_of(session, [subscriber_id])
    # Read with the person locked: whatever is applied from here on finds them planned by an older version.
    shelf = applied(session, catalog)
    rows = read_rows(session, [subscriber_id])
    situation = read_situation(session, subscriber, enrollments, rows, catalog=shelf)
    if any(enrollment.interview.confirmed_at is None for enrollment in enrollments):
        asked = asked_elsewhere(session, [subscriber_id], now=now)
        situation = replace(situation, asked_elsewhere=asked.get(subscriber_id, ()))
    planned = plan(situation, now=now)
    ledger = Ledger(situation, rows, epoch=subscriber.epoch, now=now)
    ledger.withdraw(planned)
    session.flush()
    session.add_all(ledger.schedule(planned))
    agree(session, subscriber, rows, now=now)
    subscriber.planned_epoch = subscriber.epoch
    for enrollment in enrollments:
        enrollment.planned_number = shelf.number(enrollment.campaign)
    session.flush()
    return planned


def read_rows(session: Session, people: Collection[int]) -> list[Send]:
    """All sends of these people, as they are now; those that have not left are locked.

    A claim asks nobody for the subscriber. A row claimed between our look and our change would leave with the
    words of the old facts, for the change makes it agree with the new ones.
    """
    is_sqlite = session.get_bind().dialect.name == "sqlite"  # one writer: all is locked
    values = {"people": list(people)}
    while True:
        locked = set() if is_sqlite else set(session.scalars(_LOCK_UNSENT, values))
        rows = list(session.scalars(_ALL, values))
        if is_sqlite or {row.id for row in rows if row.state in UNSENT} <= locked:
            return rows


# Asked whenever somebody is planned, and built once.
_OF_PEOPLE = select(Send).where(Send.subscriber_id.in_(bindparam("people", expanding=True))).order_by(Send.id)
_LOCK_UNSENT = _OF_PEOPLE.with_only_columns(Send.id).where(is_in(*UNSENT)).with_for_update()
_ALL = _OF_PEOPLE.execution_options(populate_existing=True)
