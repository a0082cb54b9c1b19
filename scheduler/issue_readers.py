"""Who an issue is for: the places on its list, and those who never got it."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, bindparam, exists, func, select
from sqlalchemy.orm import Session, aliased

from campaigns.newsletter import NewsletterIssue
from scheduler.send import ARRIVED, OPEN, Send, State
from subscribers.lists import Subscription, is_theirs

NEVER_LEFT = (State.EXPIRED, State.REJECTED, State.DEAD)
"""It ended without the provider ever taking it."""


def readers(session: Session, list_key: str) -> int:
    """How many are on the list now, before any filter."""
    on_it = select(func.count()).where(Subscription.list_key == list_key, is_theirs())
    return session.scalar(on_it) or 0


def unreached(session: Session, issue: NewsletterIssue, *, also_unknown: bool = False) -> int:
    """How many are on the list who certainly never got the issue; `also_unknown`: or nobody can tell."""
    found = (
        select(func.count(Send.id))
        .join(Subscription, place_of_reader(issue))
        .where(Send.issue_id == issue.id, never_got(also_unknown=also_unknown))
    )
    return session.scalar(found) or 0


def place_of_reader(issue: NewsletterIssue) -> ColumnElement[bool]:
    """Joins a send of the issue to its reader's place on the list, while they are on it."""
    return and_(
        Subscription.subscriber_id == Send.subscriber_id,
        Subscription.list_key == issue.list_key,
        is_theirs(),
    )


def never_got(*, also_unknown: bool) -> ColumnElement[bool]:
    """Of an issue's send: it is the last its reader had, and did not leave."""
    other = aliased(Send)
    ended = (*NEVER_LEFT, State.UNKNOWN) if also_unknown else NEVER_LEFT
    has_had_more = exists(
        select(other.id).where(
            other.issue_id == Send.issue_id,
            other.subscriber_id == Send.subscriber_id,
            other.id != Send.id,
            (other.occurrence > Send.occurrence)
            | other.state.in_(bindparam(None, (*ARRIVED, *OPEN), expanding=True, literal_execute=True)),
        )
    ).correlate(Send)
    return and_(Send.state.in_(bindparam(None, ended, expanding=True, literal_execute=True)), ~has_had_more)
