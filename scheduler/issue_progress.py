"""How far the sending of an issue is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from campaigns.newsletter import IssueState, NewsletterIssue
from scheduler.issues import IssueError, begins_at
from scheduler.pacing import Pace
from scheduler.send import ARRIVED, IN_FLIGHT, UNSENT, Send, State

MEASURED = timedelta(minutes=1)
"""The rate is that of the last minute."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Each reader counts once, by the last send they had; the numbers add up to `readers`."""

    issue_id: int
    state: IssueState
    is_paused: bool
    is_complete: bool
    """The sends of all readers have been made; until then `readers` grows."""
    begins_at: datetime | None
    readers: int
    waiting: int
    """Still to leave."""
    in_doubt: int
    """On the wire, or nobody knows yet whether it left."""
    arrived: int
    """The provider took it, whatever became of it then."""
    bounced: int
    """Of those: refused by the reader's server, or dropped by the provider."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Ended without leaving, by reason (campaigns.reasons)."""
    per_second: float = 0.0
    ends_at: datetime | None = None
    """When the last one leaves if all goes on as in the last minute; None when nobody can tell."""


def progress(session: Session, issue_id: int, *, now: datetime) -> Progress:
    """Where it stands at `now`. A hundred thousand sends are counted in some tenths of a second.

    Raises IssueError when there is no such issue.
    """
    issue = session.get(NewsletterIssue, issue_id, populate_existing=True)
    if issue is None:
        raise IssueError(f"there is no issue {issue_id}")
    states, reasons = _counts(session, issue)
    waiting = sum(states[state] for state in UNSENT)
    rate = _rate(session, issue, now=now)
    return Progress(
        issue_id=issue.id,
        state=IssueState(issue.state),
        is_paused=issue.paused_at is not None,
        is_complete=issue.expanded_at is not None,
        begins_at=begins_at(issue),
        readers=states.total(),
        waiting=waiting,
        in_doubt=sum(states[state] for state in IN_FLIGHT),
        arrived=sum(states[state] for state in ARRIVED),
        bounced=states[State.BOUNCED] + states[State.DROPPED],
        left_out=dict(reasons.most_common()),
        per_second=rate,
        ends_at=_end(session, issue, waiting, rate, now=now),
    )


def _counts(session: Session, issue: NewsletterIssue) -> tuple[Counter[State], Counter[str]]:
    counted = select(Send.state, Send.reason, func.count()).where(Send.issue_id == issue.id)
    if issue.round:
        later = aliased(Send)
        counted = counted.where(
            ~select(later.id)
            .where(
                later.issue_id == Send.issue_id,
                later.subscriber_id == Send.subscriber_id,
                later.occurrence > Send.occurrence,
            )
            .exists()
        )
    states, reasons = Counter[State](), Counter[str]()
    for state, reason, count in session.execute(counted.group_by(Send.state, Send.reason)):
        states[State(state)] += count
        if state not in (*UNSENT, *IN_FLIGHT, *ARRIVED):
            reasons[reason or ""] += count
    return states, reasons


def _rate(session: Session, issue: NewsletterIssue, *, now: datetime) -> float:
    if issue.started_at is None:
        return 0.0
    span = min(MEASURED, max(now - issue.started_at, timedelta(seconds=1)))
    left = select(func.count()).where(Send.issue_id == issue.id, Send.left_at > now - span)
    return (session.scalar(left) or 0) / span.total_seconds()


def _end(
    session: Session, issue: NewsletterIssue, waiting: int, rate: float, *, now: datetime
) -> datetime | None:
    if not waiting or not rate or issue.paused_at is not None or issue.expanded_at is None:
        return None
    last = session.scalar(
        select(func.max(Send.ready_at)).where(Send.issue_id == issue.id, Send.state.in_(UNSENT))
    )
    pace = Pace.of(issue)
    takes = max(timedelta(seconds=waiting / rate), pace.lasts(waiting) if not pace.is_free else timedelta())
    return max(now + takes, last or now)
