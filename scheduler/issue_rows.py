"""The sends of issues as facts change: what a person's act, a cancel or the end of their time withdraws."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, select, update
from sqlalchemy.orm import Session

from campaigns.newsletter import IssueState, NewsletterIssue
from campaigns.reasons import Reason
from scheduler.issue_sends import why_not
from scheduler.send import UNSENT, WAITING, Send, State, final_state, is_in
from subscribers.lists import lists_of
from subscribers.pausing import EmailPause
from subscribers.subscriber import Subscriber
from subscribers.suppression import find_suppression

MOST = 5_000
"""Rows one transaction ends."""
_OVER = (IssueState.CANCELED, IssueState.SENT)


def agree(session: Session, subscriber: Subscriber, rows: Iterable[Send], *, now: datetime) -> None:
    """Bring a person's unsent issues in line with what is known of them: part of `reconcile`.

    `rows`: all their sends, locked. What nothing speaks against stays as it is, but for a pause that has
    begun or ended.
    """
    unsent = [row for row in rows if row.issue_id is not None and row.state in UNSENT]
    if not unsent:
        return
    lists = lists_of(session, subscriber.id)
    pause = session.scalar(
        select(EmailPause)
        .where(EmailPause.subscriber_id == subscriber.id, EmailPause.interview_id.is_(None))
        .where(EmailPause.ended_at.is_(None))
        .order_by(EmailPause.id.desc())
        .limit(1)
    )
    for row in unsent:
        issue = session.get_one(NewsletterIssue, row.issue_id)
        _agree(session, subscriber, row, issue, pause, is_on_list=issue.list_key in lists, now=now)


def _agree(
    session: Session,
    subscriber: Subscriber,
    row: Send,
    issue: NewsletterIssue,
    pause: EmailPause | None,
    *,
    is_on_list: bool,
    now: datetime,
) -> None:
    assert row.due_at
    assert row.expires_at
    found = find_suppression(session, subscriber.address_hmac or "", scope=issue.list_key)
    ready, reason = why_not(
        suppressed=found.reason if found else "",
        pause=pause,
        zone=subscriber.home_zone,
        due=row.due_at,
        expires=row.expires_at,
        now=now,
    )
    if subscriber.erased_at is not None:
        reason = Reason.ERASED
    elif issue.state in _OVER:
        reason = Reason.CANCELED
    elif not is_on_list and not reason:
        reason = Reason.UNSUBSCRIBED
    if reason:
        _end(row, reason, now=now)
        return
    if row.state == State.CLAIMED:
        # Its worker finds the lease gone at the last check and makes no call. It did not die over it.
        row.state, row.lease_token, row.lease_until = State.PLANNED, None, None
        row.claims = max(row.claims - 1, 0)
    if row.state == State.PLANNED and _is_wrong(row, ready, now=now):
        row.ready_at = ready
    row.planned_at = now


def _is_wrong(row: Send, ready: datetime, *, now: datetime) -> bool:
    """A pause has begun, or the one it waited for has ended. What waits for the gap or a check waits on."""
    if row.ready_at is None or ready > row.ready_at:
        return True
    return row.reason is None and row.ready_at > max(ready, now + timedelta(minutes=1))


def _end(row: Send, reason: Reason, *, now: datetime) -> None:
    row.state, row.reason, row.finished_at = final_state(reason), reason, now
    row.lease_token = row.lease_until = row.ready_at = None


def withdraw_canceled(session: Session, *, now: datetime, most: int = MOST) -> int:
    """End up to `most` unsent rows of issues that were canceled; returns how many."""
    canceled = select(NewsletterIssue.id).where(
        NewsletterIssue.state.in_(_OVER), NewsletterIssue.canceled_at.is_not(None)
    )
    found = _locked(session, Send.issue_id.in_(canceled), is_in(*UNSENT), most=most)
    _end_all(session, found, {"state": State.CANCELED, "reason": Reason.CANCELED}, now=now)
    return len(found)


def end_expired(session: Session, *, now: datetime, most: int = MOST) -> int:
    """End up to `most` rows of issues whose time has passed; returns how many."""
    found = _locked(session, Send.issue_id.is_not(None), is_in(*WAITING), Send.expires_at <= now, most=most)
    paused = select(NewsletterIssue.id).where(NewsletterIssue.paused_at.is_not(None))
    reason = case(
        (Send.issue_id.in_(paused), Reason.PAUSED_EXPIRED),
        (Send.reason == Reason.DEFERRED_GAP, Reason.DEFERRED_GAP),
        else_=Reason.EXPIRED_OUTAGE,
    )
    _end_all(session, found, {"state": State.EXPIRED, "reason": reason}, now=now)
    return len(found)


def _locked(session: Session, *conditions: Any, most: int) -> Sequence[int]:
    found = select(Send.id).where(*conditions).limit(most).with_for_update(skip_locked=True, of=Send)
    return session.scalars(found).all()


def _end_all(session: Session, ids: Sequence[int], values: dict[str, Any], *, now: datetime) -> None:
    if ids:
        session.execute(
            update(Send)
            .where(Send.id.in_(ids), is_in(*UNSENT))
            .values(finished_at=now, lease_token=None, lease_until=None, ready_at=None, **values)
            .execution_options(synchronize_session=False)
        )
