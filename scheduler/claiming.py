from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, exists, or_, select, update
from sqlalchemy.orm import Session

from campaigns.enrollment import Campaign, CampaignState
from scheduler.send import WAITING, Hold, Send, State, is_in
from subscribers.wall_time import tzdata_version

LEASE = timedelta(seconds=60)
CALL = timedelta(seconds=20)
"""The longest a call may take; nothing is begun that could end after its expiry."""
FRESH = timedelta(minutes=10)
"""A row that has lain longer than this is planned again before it may leave: after an outage the plan is
another one."""


@dataclass(frozen=True)
class Due:
    """What looks claimable. A suspect was in the hands of a worker that died before its intent."""

    send_id: int
    is_suspect: bool
    lane: int = 0


def find_due(
    session: Session, *, most: int, now: datetime, campaigns: Collection[str], lane: int = 0
) -> list[Due]:
    """What looks claimable in one lane, earliest expiry first. A hint: `claim` looks again at each.

    One look at a long backlog serves many claims; looking anew for each batch would sort it all each time.
    """
    # Few of the planned are due. Left to itself the database may walk them all in the order of their expiry.
    ready = (
        select(Send.id)
        .where(is_in(*WAITING), Send.lane == lane, Send.ready_at <= now)
        .cte("ready")
        .prefix_with("MATERIALIZED")
    )
    found = session.execute(
        select(Send.id, Send.claims)
        .join(ready, ready.c.id == Send.id)
        .where(Send.campaign.in_(campaigns), *_claimable(now))
        .order_by(Send.expires_at, Send.id)
        .limit(most)
    )
    return [Due(send_id=row.id, is_suspect=row.claims > 0, lane=lane) for row in found]


def claim(session: Session, ids: Sequence[int], *, token: str, now: datetime) -> list[int]:
    """Take those of `ids` that are due and free for this worker alone, in their order; returns them.

    Two workers never get the same row: SQLite has one writer (BEGIN IMMEDIATE), PostgreSQL passes over what
    another has locked. Nothing is taken of a paused campaign or while a brake is on.
    """
    free: Collection[int] = ids
    if session.get_bind().dialect.name != "sqlite":
        locked = select(Send.id).where(Send.id.in_(ids), *_claimable(now))
        free = list(session.scalars(locked.with_for_update(skip_locked=True, of=Send)))
    taken = set(
        session.scalars(
            update(Send)
            .where(Send.id.in_(free), *_claimable(now))
            .values(state=State.CLAIMED, lease_token=token, lease_until=now + LEASE, claims=Send.claims + 1)
            .returning(Send.id)
            .execution_options(synchronize_session=False)
        )
        if free
        else ()
    )
    return [identity for identity in ids if identity in taken]


def release(session: Session, ids: Collection[int], *, token: str, ready_at: datetime | None = None) -> None:
    """Give claimed sends back; certainly none of them was called. Not before `ready_at`, when given."""
    session.execute(
        update(Send)
        .where(Send.id.in_(ids), Send.state == State.CLAIMED, Send.lease_token == token)
        .values(
            state=State.PLANNED,
            lease_token=None,
            lease_until=None,
            claims=0,
            **({"ready_at": ready_at} if ready_at else {}),
        )
        .execution_options(synchronize_session=False)
    )


def is_running() -> ColumnElement[bool]:
    """Of a send: its campaign may send."""
    return Send.campaign.in_(select(Campaign.key).where(Campaign.state == CampaignState.RUNNING))


def _claimable(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        is_in(*WAITING),
        Send.ready_at <= now,
        Send.expires_at >= now + CALL,
        or_(Send.ready_at > now - FRESH, Send.planned_at > now - FRESH),
        # Its moment was computed by other rules of some zone; it is planned again first.
        Send.tzdata_version == tzdata_version(),
        is_running(),
        ~exists(select(Hold.kind).where(Hold.released_until.is_(None))),
    )
