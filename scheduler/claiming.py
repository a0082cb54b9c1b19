from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, bindparam, exists, or_, select, update
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
PERSONAL, NEWSLETTER = LANES = (0, 1)
"""Send.lane, in the order of claiming."""


@dataclass(frozen=True)
class Due:
    """What looks claimable. A suspect was in the hands of a worker that died before its intent."""

    send_id: int
    is_suspect: bool
    lane: int = PERSONAL


def find_due(
    session: Session, *, most: int, now: datetime, campaigns: Collection[str], lane: int = PERSONAL
) -> list[Due]:
    """What looks claimable in one lane, earliest expiry first. A hint: `claim` looks again at each.

    One look at a long backlog serves many claims; looking anew for each batch would sort it all each time.
    """
    # Written out, or neither database uses the lane's own index.
    in_lane = (is_in(*WAITING), Send.lane == bindparam(None, lane, literal_execute=True))
    found = select(Send.id, Send.claims).where(*in_lane, Send.ready_at <= now, *_fits(Send, now))
    of: Any = Send
    if lane == PERSONAL:
        # Few of the planned are due. Left to itself the database may walk them all in the order of their end.
        is_due = select(*_LOOKED_AT).where(*in_lane, Send.ready_at <= now)
        of = is_due.cte("ready").prefix_with("MATERIALIZED").c
        found = select(of.id, of.claims).where(*_fits(of, now))
    # Of a newsletter nearly all are due at once: there that walk is the short way.
    found = found.where(of.campaign.in_(campaigns)).order_by(of.expires_at, of.id).limit(most)
    rows = session.execute(found)
    return [Due(send_id=row.id, is_suspect=row.claims > 0, lane=lane) for row in rows]


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
    return Send.campaign.in_(_RUNNING)


_RUNNING = select(Campaign.key).where(Campaign.state == CampaignState.RUNNING)


def _claimable(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (is_in(*WAITING), Send.ready_at <= now, *_fits(Send, now))


_LOOKED_AT = (
    Send.id,
    Send.claims,
    Send.campaign,
    Send.ready_at,
    Send.expires_at,
    Send.planned_at,
    Send.tzdata_version,
)


def _fits(of: Any, now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Of what waits and is due, `of` sends or of a selection of their columns: it may leave now."""
    return (
        of.expires_at >= now + CALL,
        or_(of.ready_at > now - FRESH, of.planned_at > now - FRESH),
        # Its moment was computed by other rules of some zone; it is planned again first.
        of.tzdata_version == tzdata_version(),
        of.campaign.in_(_RUNNING),
        ~exists(select(Hold.kind).where(Hold.released_until.is_(None))),
    )
