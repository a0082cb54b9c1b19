"""What a tick sets right before it claims: leases of the dead, plans out of date, ends that have passed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Integer, bindparam, or_, select, update
from sqlalchemy.orm import Session

from campaigns.reasons import Reason
from runup.database import Instant
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
    found = session.execute(_LEFT_BEHIND, {"now": now, "most": MOST_RECOVERED}).all()
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
    values = {"now": now, "fresh": now - FRESH, "tzdata": tzdata_version(), "after": after, "most": most}
    return list(session.scalars(_OUT_OF_DATE, values))


def patrol(session: Session, *, now: datetime, after: int) -> tuple[list[int], int | None]:
    """One step of the walk over all rows that planning goes on its own: nightly, and when tzdata has changed.

    Looks at the PATROL_STRIDE rows after id `after`. Returns the subscribers to plan again, and the id to go
    on after; None when that was the last row.
    """
    ids = session.scalars(_STRIDE, {"after": after, "most": PATROL_STRIDE}).all()
    if not ids:
        return [], None
    values = {"after": after, "last": ids[-1], "tzdata": tzdata_version(), "old": now - PATROL_EVERY}
    found = session.scalars(_TO_PLAN_AGAIN, values)
    return list(found), ids[-1] if len(ids) == PATROL_STRIDE else None


# Asked at every tick, and built once: to build them takes longer than to answer them.
_NOW = bindparam("now", type_=Instant())
_FRESH = bindparam("fresh", type_=Instant())
_AFTER = bindparam("after", type_=Integer())
_MOST = bindparam("most", type_=Integer())
_LEFT_BEHIND = (
    select(Send.id, Send.state, Send.claims)
    .where(is_in(*LEASED), Send.lease_until < _NOW)
    .limit(_MOST)
    # Two workers may sweep at once; what one has locked the other need not wait for.
    .with_for_update(skip_locked=True, of=Send)
)
# What belongs to an issue follows from no plan; issue_rows.py ends it, many at a time.
_PLANNED = (is_in(*WAITING), Send.issue_id.is_(None))
_OF_ANOTHER_TZDATA = Send.tzdata_version != bindparam("tzdata")
_CHANGED = select(Subscriber.id).where(Subscriber.epoch != Subscriber.planned_epoch)
_STALE = select(Send.subscriber_id).where(
    *_PLANNED,
    Send.ready_at <= _NOW,
    or_((Send.ready_at <= _FRESH) & (Send.planned_at <= _FRESH), _OF_ANOTHER_TZDATA),
    # A paused campaign claims nothing; its rows are planned again when it goes on.
    is_running(),
)
_ENDED = select(Send.subscriber_id).where(*_PLANNED, Send.expires_at <= _NOW)
_FOUND = _CHANGED.union(_STALE, _ENDED).subquery().c[0]
_OUT_OF_DATE = select(_FOUND).where(_FOUND > _AFTER).order_by(_FOUND).limit(_MOST)
_STRIDE = select(Send.id).where(Send.id > _AFTER).order_by(Send.id).limit(_MOST)
_TO_PLAN_AGAIN = (
    select(Send.subscriber_id)
    .where(Send.id > _AFTER, Send.id <= bindparam("last", type_=Integer()), *_PLANNED)
    .where(or_(_OF_ANOTHER_TZDATA, Send.planned_at <= bindparam("old", type_=Instant())))
    .distinct()
    .order_by(Send.subscriber_id)
)
