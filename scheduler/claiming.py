from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Exists, Select, exists, func, or_, select, update
from sqlalchemy.orm import Session

from campaigns.enrollment import Campaign, CampaignState, Enrollment
from scheduler.send import Hold, Send, State
from subscribers.interview import Interview
from subscribers.subscriber import Subscriber
from subscribers.suppression import EVERYTHING, Reason, Suppression

LEASE = timedelta(seconds=60)
CALL = timedelta(seconds=20)
"""The longest a call may take; nothing is begun that could end after its expiry."""
GUARD = timedelta(seconds=5)
"""The longest time between the intent and the call."""
FRESH = timedelta(minutes=10)
"""A row that has lain longer than this is planned again before it may leave: after an outage the plan is
another one."""


def claim(
    session: Session, *, token: str, most: int, now: datetime, excluding: Collection[int] = ()
) -> list[int]:
    """Take up to `most` due sends for this worker alone, earliest expiry first; returns their ids.

    Two workers never get the same row: SQLite has one writer (BEGIN IMMEDIATE), PostgreSQL skips what
    another has locked. Nothing is claimed for a paused campaign or while a brake is on.
    """
    if session.get_bind().dialect.name == "sqlite":
        ids = list(session.scalars(_due(now, excluding).limit(most)))
    else:
        ids = list(
            session.scalars(_due(now, excluding).limit(most).with_for_update(skip_locked=True, of=Send))
        )
    if not ids:
        return []
    claimed = (
        update(Send)
        .where(Send.id.in_(ids), Send.state.in_((State.PLANNED, State.RETRY_WAIT)))
        .values(state=State.CLAIMED, lease_token=token, lease_until=now + LEASE, claims=Send.claims + 1)
        .returning(Send.id)
        .execution_options(synchronize_session=False)
    )
    taken = set(session.scalars(claimed))
    return [identity for identity in ids if identity in taken]


def _due(now: datetime, excluding: Collection[int]) -> Select[int]:
    return (
        select(Send.id)
        .where(
            Send.state.in_((State.PLANNED, State.RETRY_WAIT)),
            Send.ready_at <= now,
            Send.expires_at >= now + CALL,
            or_(Send.ready_at > now - FRESH, Send.planned_at > now - FRESH),
            Send.id.not_in(excluding),
            Send.campaign.in_(select(Campaign.key).where(Campaign.state == CampaignState.RUNNING)),
            ~exists(select(Hold.kind).where(Hold.released_until.is_(None))),
        )
        .order_by(Send.expires_at, Send.id)
    )


def intend(
    session: Session, ids: Collection[int], *, token: str, gaps: Mapping[str, timedelta], now: datetime
) -> list[int]:
    """The last checks and the durable intent, for all of `ids` in one transaction; returns those that passed.

    `gaps`: per campaign, the shortest time between two emails to one address.

    Locks campaigns, then subscribers, then sends, as everybody does: an unsubscribe, a move or a pause is
    either before this and seen, or after it. Only what is returned may be called, and only after the commit.
    """
    _lock(session, ids)
    close = _too_close(session, ids, gaps=gaps, now=now)
    spaced = [identity for identity in ids if identity not in close]
    return list(
        session.scalars(
            update(Send)
            .where(
                Send.id.in_(spaced),
                Send.state == State.CLAIMED,
                Send.lease_token == token,
                Send.lease_until > now + CALL + GUARD,
                Send.expires_at >= now + CALL,
                Send.epoch
                == select(Subscriber.epoch).where(Subscriber.id == Send.subscriber_id).scalar_subquery(),
                Send.campaign.in_(select(Campaign.key).where(Campaign.state == CampaignState.RUNNING)),
                or_(~Send.needs_consent, _is_confirmed()),
                ~_is_suppressed(),
            )
            .values(state=State.SENDING, intent_at=now, left_at=now, attempts=Send.attempts + 1, claims=0)
            .returning(Send.id)
            .execution_options(synchronize_session=False)
        )
    )


def release(session: Session, ids: Collection[int], *, token: str) -> None:
    """Give claimed sends back; certainly none of them was called."""
    session.execute(
        update(Send)
        .where(Send.id.in_(ids), Send.state == State.CLAIMED, Send.lease_token == token)
        .values(state=State.PLANNED, lease_token=None, lease_until=None, claims=0)
        .execution_options(synchronize_session=False)
    )


def _lock(session: Session, ids: Collection[int]) -> None:
    rows = session.execute(select(Send.campaign, Send.subscriber_id).where(Send.id.in_(ids))).all()
    session.execute(
        select(Campaign.key)
        .where(Campaign.key.in_({row.campaign for row in rows}))
        .order_by(Campaign.key)
        .with_for_update(read=True)
    )
    session.execute(
        select(Subscriber.id)
        .where(Subscriber.id.in_({row.subscriber_id for row in rows}))
        .order_by(Subscriber.id)
        .with_for_update()
    )


def _too_close(
    session: Session, ids: Collection[int], *, gaps: Mapping[str, timedelta], now: datetime
) -> set[int]:
    """Those whose subscriber got another email within the gap, or gets one in this very batch.

    The plan keeps the gap; this catches what left later than it was planned to.
    """
    latest = (
        select(Send.subscriber_id, func.max(Send.left_at).label("left_at"))
        .where(Send.counts_for_gap, Send.left_at.is_not(None))
        .where(Send.subscriber_id.in_(select(Send.subscriber_id).where(Send.id.in_(ids))))
        .group_by(Send.subscriber_id)
        .subquery()
    )
    rows = session.execute(
        select(
            Send.id,
            Send.campaign,
            Send.subscriber_id,
            Send.waits_for_gap,
            Send.counts_for_gap,
            latest.c.left_at,
        )
        .outerjoin(latest, latest.c.subscriber_id == Send.subscriber_id)
        .where(Send.id.in_(ids))
        .order_by(Send.waits_for_gap, Send.expires_at, Send.id)
    ).all()
    close: set[int] = set()
    counted: set[int] = set()
    for row in rows:
        recent = row.left_at is not None and row.left_at > now - gaps[row.campaign]
        if row.waits_for_gap and (recent or row.subscriber_id in counted):
            close.add(row.id)
        elif row.counts_for_gap:
            counted.add(row.subscriber_id)
    return close


def _is_confirmed() -> Exists:
    return exists(
        select(Enrollment.id)
        .join(Interview, Interview.id == Enrollment.interview_id)
        .where(Enrollment.id == Send.enrollment_id, Interview.confirmed_at.is_not(None))
    )


def _is_suppressed() -> Exists:
    return exists(
        select(Suppression.id)
        .join(Subscriber, Subscriber.address_hmac == Suppression.address_hmac)
        .where(
            Subscriber.id == Send.subscriber_id,
            Suppression.scope == EVERYTHING,
            or_(Send.needs_consent, Suppression.reason != Reason.UNSUBSCRIBED),
        )
    )
