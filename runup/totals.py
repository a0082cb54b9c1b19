"""What came of a campaign, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from scheduler import Send
from scheduler.send import ARRIVED, OPEN
from subscribers import Subscriber


@dataclass(frozen=True, kw_only=True)
class Totals:
    """Steps are in the order of the sequence."""

    people: int
    sends: int
    left: dict[str, int]
    """Emails that left, by step."""
    not_sent: dict[str, dict[str, int]]
    """By step, then by reason, the most frequent first."""
    open: int
    """Sends that are not final yet."""
    latest: timedelta
    """The longest time an email left after it was due."""


def totals(session: Session, *, campaign: str, steps: Iterable[str]) -> Totals:
    """Count every send of a campaign; `steps` are its keys in order."""
    rows = session.execute(
        select(Send.step, Send.state, Send.reason, func.count(Send.id))
        .where(Send.campaign == campaign)
        .group_by(Send.step, Send.state, Send.reason)
    ).all()
    left: Counter[str] = Counter()
    not_sent: dict[str, Counter[str]] = {}
    still_open = 0
    for step, state, reason, count in rows:
        if state in ARRIVED:
            left[step] += count
        elif state in OPEN:
            still_open += count
        else:
            not_sent.setdefault(step, Counter())[reason or state] += count
    order = list(steps)
    return Totals(
        people=session.scalar(select(func.count(Subscriber.id))) or 0,
        sends=sum(row[3] for row in rows),
        left={key: left[key] for key in order if left[key]},
        not_sent={key: dict(not_sent[key].most_common()) for key in order if key in not_sent},
        open=still_open,
        latest=_latest(session, campaign),
    )


def _latest(session: Session, campaign: str) -> timedelta:
    departed = select(Send.due_at, Send.left_at).where(
        Send.campaign == campaign, Send.state.in_(ARRIVED), Send.left_at.is_not(None)
    )
    # In Python: SQLite has no arithmetic on moments.
    late = (left_at - due_at for due_at, left_at in session.execute(departed) if due_at and left_at)
    return max(late, default=timedelta())
