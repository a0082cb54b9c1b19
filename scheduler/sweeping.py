"""What a tick sets right before it claims: leases of the dead, plans out of date, ends that have passed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Session

from campaigns.reasons import Reason
from scheduler.claiming import FRESH, is_running
from scheduler.send import LEASED, WAITING, Send, State, ends_without, is_in
from subscribers.subscriber import Subscriber
from subscribers.wall_time import tzdata_version

MOST_CLAIMS = 3
MOST_RECOVERED = 500
PATROL_EVERY = timedelta(hours=24)
PATROL_STRIDE = 2_000
"""Rows one step of the patrol looks at."""


def recover_leases(session: Session, *, now: datetime) -> int:
    """A worker died. Before its intent nothing was called: planned again, or dead when it is the third to die
    over this send. After it nobody knows: in doubt. Returns how many there were, at most MOST_RECOVERED."""
    found = session.execute(
        select(Send.id, Send.state, Send.claims)
        .where(is_in(*LEASED), Send.lease_until < now)
        .limit(MOST_RECOVERED)
        # Two workers may sweep at once; what one has locked the other need not wait for.
        .with_for_update(skip_locked=True, of=Send)
    ).all()
    dead = [row.id for row in found if row.state == State.CLAIMED and row.claims >= MOST_CLAIMS]
    claimed = [row.id for row in found if row.state == State.CLAIMED and row.claims < MOST_CLAIMS]
    sending = [row.id for row in found if row.state == State.SENDING]
    _set(session, claimed, state=State.PLANNED, lease_token=None)
    # The token stays: should its worker live after all, its answer settles the doubt.
    _set(session, sending, state=State.IN_DOUBT)
    _set(
        session,
        dead,
        **ends_without(State.DEAD, Reason.RENDER_ERROR),
        detail=f"{MOST_CLAIMS} workers died while preparing it",
        finished_at=now,
        ready_at=None,
        lease_token=None,
    )
    return len(found)


def _set(session: Session, ids: Sequence[int], **values: Any) -> None:
    if ids:
        session.execute(
            update(Send)
            .where(Send.id.in_(ids))
            .values(lease_until=None, **values)
            .execution_options(synchronize_session=False)
        )


def out_of_date(session: Session, *, now: datetime, after: int = 0, most: int) -> list[int]:
    """Subscribers, by id and above `after`, whose sends must be planned again before anything of theirs may
    leave: facts changed, an end has passed, a row lay too long, or the rules of time zones are others."""
    changed = select(Subscriber.id).where(Subscriber.epoch != Subscriber.planned_epoch)
    # What belongs to an issue follows from no plan; issue_rows.py ends it, many at a time.
    stale = select(Send.subscriber_id).where(
        is_in(*WAITING),
        Send.issue_id.is_(None),
        Send.ready_at <= now,
        or_((Send.ready_at <= now - FRESH) & (Send.planned_at <= now - FRESH), _is_of_another_tzdata()),
        # A paused campaign claims nothing; its rows are planned again when it goes on.
        is_running(),
    )
    ended = select(Send.subscriber_id).where(is_in(*WAITING), Send.issue_id.is_(None), Send.expires_at <= now)
    found = changed.union(stale, ended).subquery()
    return list(
        session.scalars(select(found.c[0]).where(found.c[0] > after).order_by(found.c[0]).limit(most))
    )


def patrol(session: Session, *, now: datetime, after: int) -> tuple[list[int], int | None]:
    """One step of the walk over all rows that planning goes on its own: nightly, and when tzdata has changed.

    Looks at the PATROL_STRIDE rows after id `after`. Returns the subscribers to plan again, and the id to go
    on after; None when that was the last row.
    """
    ids = session.scalars(select(Send.id).where(Send.id > after).order_by(Send.id).limit(PATROL_STRIDE)).all()
    if not ids:
        return [], None
    found = session.scalars(
        select(Send.subscriber_id)
        .where(Send.id > after, Send.id <= ids[-1], is_in(*WAITING), Send.issue_id.is_(None))
        .where(or_(_is_of_another_tzdata(), Send.planned_at <= now - PATROL_EVERY))
        .distinct()
        .order_by(Send.subscriber_id)
    )
    return list(found), ids[-1] if len(ids) == PATROL_STRIDE else None


def _is_of_another_tzdata() -> ColumnElement[bool]:
    return Send.tzdata_version != tzdata_version()
