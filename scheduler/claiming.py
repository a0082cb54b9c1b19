from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, and_, bindparam, exists, or_, select, update
from sqlalchemy.orm import Session

from campaigns.enrollment import Campaign, CampaignState
from campaigns.newsletter import IssueState, NewsletterIssue
from campaigns.reasons import Reason
from runup.database import Instant
from scheduler.gauges import Hold
from scheduler.send import WAITING, Send, State, is_in
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
    issue_id: int | None = None


def find_due(
    session: Session,
    *,
    most: int,
    now: datetime,
    campaigns: Collection[str],
    lane: int = PERSONAL,
    but: Collection[int] = (),
) -> list[Due]:
    """What looks claimable in one lane, earliest expiry first, `but` the sends of these issues. A hint:
    `claim` looks again at each.

    One look at a long backlog serves many claims; looking anew for each batch would sort it all each time.
    """
    statement = _DUE_PERSONAL if lane == PERSONAL else _DUE_NEWSLETTER
    values = {"campaigns": list(campaigns), "most": most, "but": list(but)}
    found = session.execute(statement, _moments(now) | values)
    return [Due(send_id=row.id, is_suspect=row.claims > 0, lane=lane, issue_id=row.issue_id) for row in found]


def claim(session: Session, ids: Sequence[int], *, token: str, now: datetime) -> list[int]:
    """Take those of `ids` that are due and free for this worker alone, in their order; returns them.

    Two workers never get the same row: SQLite has one writer (BEGIN IMMEDIATE), PostgreSQL passes over what
    another has locked. Nothing is taken of a paused campaign or while a brake is on.
    """
    moments = _moments(now)
    free: Collection[int] = ids
    if session.get_bind().dialect.name != "sqlite":
        free = list(session.scalars(_LOCK, moments | {"ids": list(ids)}))
    if not free:
        return []
    values = {"ids": list(free), "token": token, "until": now + LEASE}
    taken = set(session.scalars(_TAKE, moments | values))
    return [identity for identity in ids if identity in taken]


def release(
    session: Session,
    ids: Collection[int],
    *,
    token: str,
    ready_at: datetime | None = None,
    reason: Reason | None = None,
) -> None:
    """Give claimed sends back; certainly none of them was called. Not before `ready_at`, when given, and for
    `reason`."""
    session.execute(
        update(Send)
        .where(Send.id.in_(ids), Send.state == State.CLAIMED, Send.lease_token == token)
        .values(
            state=State.PLANNED,
            lease_token=None,
            lease_until=None,
            claims=0,
            **({"ready_at": ready_at} if ready_at else {}),
            **({"reason": reason} if reason else {}),
        )
        .execution_options(synchronize_session=False)
    )


def is_running() -> ColumnElement[bool]:
    """Of a send: its campaign may send, and its issue if it brings one."""
    return and_(Send.campaign.in_(_RUNNING), is_of_issue_on_its_way(Send))


def is_of_issue_on_its_way(of: Any) -> ColumnElement[bool]:
    """Of `of` sends or of a selection of their columns: it brings no issue, or one that may leave now."""
    return or_(of.issue_id.is_(None), of.issue_id.in_(_ISSUES_ON_THEIR_WAY))


_RUNNING = select(Campaign.key).where(Campaign.state == CampaignState.RUNNING)
_ISSUES_ON_THEIR_WAY = select(NewsletterIssue.id).where(
    NewsletterIssue.state == bindparam(None, IssueState.SENDING, literal_execute=True),
    NewsletterIssue.paused_at.is_(None),
)


# Built once: a statement built anew for each batch costs as much as the database takes to run it.
_NOW = bindparam("now", type_=Instant())
_LOOKED_AT = (
    Send.id,
    Send.claims,
    Send.campaign,
    Send.ready_at,
    Send.expires_at,
    Send.planned_at,
    Send.tzdata_version,
    Send.issue_id,
)


def _moments(now: datetime) -> dict[str, Any]:
    return {"now": now, "call_ends": now + CALL, "fresh": now - FRESH, "tzdata": tzdata_version()}


def _fits(of: Any) -> tuple[ColumnElement[bool], ...]:
    """Of what waits and is due, `of` sends or of a selection of their columns: it may leave now."""
    fresh = bindparam("fresh", type_=Instant())
    return (
        of.expires_at >= bindparam("call_ends", type_=Instant()),
        # An issue is planned by no calendar: however long it waits, its last checks ask for all there is.
        or_(of.issue_id.is_not(None), of.ready_at > fresh, of.planned_at > fresh),
        # Its moment was computed by other rules of some zone; it is planned again first.
        or_(of.issue_id.is_not(None), of.tzdata_version == bindparam("tzdata")),
        of.campaign.in_(_RUNNING),
        is_of_issue_on_its_way(of),
        ~exists(select(Hold.kind).where(Hold.released_until.is_(None))),
    )


def _in_lane(lane: int) -> tuple[ColumnElement[bool], ...]:
    # Written out, or neither database uses the lane's own index.
    return (is_in(*WAITING), Send.lane == bindparam(None, lane, literal_execute=True), Send.ready_at <= _NOW)


def _first(of: Any, *conditions: ColumnElement[bool]) -> Select[int, int, int | None]:
    found = select(of.id, of.claims, of.issue_id).where(*conditions, *_fits(of))
    wanted = of.campaign.in_(bindparam("campaigns", expanding=True))
    passed_over = or_(of.issue_id.is_(None), of.issue_id.not_in(bindparam("but", expanding=True)))
    found = found.where(wanted, passed_over)
    return found.order_by(of.expires_at, of.id).limit(bindparam("most", type_=Integer()))


# Few of the planned are due. Left to itself the database may walk them all in the order of their end.
_READY = select(*_LOOKED_AT).where(*_in_lane(PERSONAL)).cte("ready").prefix_with("MATERIALIZED")
_DUE_PERSONAL = _first(_READY.c)
# Of a newsletter nearly all are due at once: there that walk is the short way.
_DUE_NEWSLETTER = _first(Send, *_in_lane(NEWSLETTER))
_AMONG = Send.id.in_(bindparam("ids", expanding=True))
_CLAIMABLE = (_AMONG, is_in(*WAITING), Send.ready_at <= _NOW, *_fits(Send))
_LOCK = select(Send.id).where(*_CLAIMABLE).with_for_update(skip_locked=True, of=Send)
_TAKE = (
    update(Send.__table__)  # type: ignore[arg-type]  # a mapped class's table is a Table
    .where(*_CLAIMABLE)
    .values(
        state=State.CLAIMED,
        lease_token=bindparam("token"),
        lease_until=bindparam("until", type_=Instant()),
        claims=Send.claims + 1,
    )
    .returning(Send.__table__.c.id)
)
