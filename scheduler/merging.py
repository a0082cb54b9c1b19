"""The sends of two rows that turned out to be one person: nothing leaves twice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from campaigns.catalog import Catalog
from campaigns.enrollment import Enrollment
from campaigns.reasons import Reason
from scheduler.reconcile import reconcile
from scheduler.send import UNSENT, Send, final_state
from subscribers.interview import Interview
from subscribers.merging import Merged, merge
from subscribers.subscriber import Subscriber


@dataclass(frozen=True)
class MergedSends:
    """What a merge did. `moved` sends are now the kept person's; `withdrawn` had not left."""

    facts: Merged
    moved: int
    withdrawn: int


def merge_people(
    session: Session, keep: Subscriber, give_up: Subscriber, *, catalog: Catalog, now: datetime
) -> MergedSends:
    """Make two people one: facts, enrollments and what was sent to them, and plan anew.

    What left to the one has left to the other. Raises CannotMerge.
    """
    facts = merge(session, keep, give_up, now=now)
    sends = _locked(session, keep, give_up)
    before = {send.id for send in sends if send.state in UNSENT}
    session.execute(
        update(Enrollment).where(Enrollment.subscriber_id == give_up.id).values(subscriber_id=keep.id)
    )
    session.expire_all()
    moved = 0
    for send in [send for send in sends if send.subscriber_id == give_up.id]:
        if send.issue_id is not None:
            _settle_issue(send, [other for other in sends if other.issue_id == send.issue_id], now=now)
        stays = send.subscription_id is not None and send.subscription_id not in facts.moved_places
        if not stays and not _is_taken(send, keep, sends):
            send.subscriber_id = keep.id
            moved += 1
    session.flush()
    for lost, kept in facts.doubles:
        _hand_down(session, lost, kept, now=now)
    for person in (keep, give_up):
        reconcile(session, person.id, catalog=catalog, now=now)
    withdrawn = sum(send.state not in UNSENT for send in sends if send.id in before)
    return MergedSends(facts, moved, withdrawn)


def _locked(session: Session, keep: Subscriber, give_up: Subscriber) -> list[Send]:
    found = select(Send).where(Send.subscriber_id.in_((keep.id, give_up.id))).order_by(Send.id)
    return list(session.scalars(found.with_for_update().execution_options(populate_existing=True)))


def _settle_issue(send: Send, same: Iterable[Send], *, now: datetime) -> None:
    """Both would get an issue, or one has: it leaves once."""
    for other in same:
        if other.subscriber_id == send.subscriber_id:
            continue
        if send.state in UNSENT:
            _withdraw(send, now=now)
        elif other.state in UNSENT:
            _withdraw(other, now=now)


def _is_taken(send: Send, keep: Subscriber, sends: Iterable[Send]) -> bool:
    """The kept person has a row of this issue that may not stand beside another."""
    return send.issue_id is not None and any(
        other.subscriber_id == keep.id
        and other.issue_id == send.issue_id
        and (other.finished_at is None or other.occurrence == send.occurrence)
        for other in sends
    )


def _hand_down(session: Session, lost: Interview, kept: Interview, *, now: datetime) -> None:
    """What left for the double has left for the appointment that goes on."""
    by_interview = {
        each.interview_id: each
        for each in session.scalars(select(Enrollment).where(Enrollment.interview_id.in_((lost.id, kept.id))))
    }
    if len(by_interview) < 2:
        return
    source, target = by_interview[lost.id].id, by_interview[kept.id].id
    rows = session.scalars(
        select(Send).where(Send.enrollment_id.in_((source, target))).order_by(Send.id)
    ).all()
    occasions = {"": "", f"r{lost.revision}": f"r{kept.revision}"}
    for send in [row for row in rows if row.enrollment_id == source and row.left_at is not None]:
        occasion = occasions.get(send.occasion)
        same = [row for row in rows if row.enrollment_id == target and row.step == send.step]
        if occasion is None or any(row.left_at and row.occasion == occasion for row in same):
            continue
        for waiting in (row for row in same if row.occasion == occasion and row.state in UNSENT):
            _withdraw(waiting, now=now)
        session.flush()
        send.enrollment_id, send.occasion = target, occasion
        send.occurrence = max((row.occurrence for row in same), default=-1) + 1
        session.flush()


def _withdraw(send: Send, *, now: datetime) -> None:
    reason = Reason.UNKNOWN if send.resends else Reason.DUPLICATE_ADVICE
    send.state, send.reason, send.finished_at = final_state(reason), reason, now
    send.detail = "it left to another address of the same person"
    send.lease_token = send.lease_until = send.ready_at = None
