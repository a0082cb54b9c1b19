"""How things stand now: the queue, its lateness, what is in doubt, and whether anybody works."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, case, func, select
from sqlalchemy.orm import Session

from campaigns.enrollment import Campaign, CampaignPause, CampaignState
from delivery.records import FeedCount, counts, last_heard_at
from scheduler import Attempt, BreakerState, Heartbeat, RateBucket, Send, State
from scheduler.braking import active_holds
from scheduler.heartbeat import SIGNED_OFF
from scheduler.outcomes import OK
from scheduler.send import UNFINISHED
from subscribers import Interview, Subscriber

SILENT_AFTER = timedelta(minutes=2)
"""A worker ticks every few seconds; after this long without one, something is wrong."""
FINAL_WITHIN = timedelta(hours=73)
"""Providers try for 72 hours; after that a send without a final event has been lost on their side."""
DOUBLED = "doubled"
LATE_AFTER = timedelta(minutes=5)
"""A send that has been ready for so long is late."""


@dataclass(frozen=True, kw_only=True)
class Status:
    """How things stand at `at`. Moments are aware UTC."""

    at: datetime
    states: dict[str, int]
    """Sends by state."""
    due: int
    """Ready to leave, and not left yet."""
    late: int
    """Of these, ready for longer than LATE_AFTER."""
    lateness: timedelta
    """How long the oldest of them has been ready."""
    left_in_a_minute: int
    """Emails that providers took in the last minute."""
    left_in_an_hour: int
    asked_to_wait_until: datetime | None
    """The provider wants nothing before that; None when it does not say so."""
    in_doubt: int
    next_due_at: datetime | None
    last_tick_at: datetime | None
    workers: int
    """Workers heard of lately that have not ended since."""
    has_signed_off: bool
    """The last one heard of ended as it was told: it did not die."""
    note: str
    """Why workers are not sending, in plain words; empty when they are."""
    holds: tuple[dict[str, Any], ...]
    """Brakes that wait for an operator: kind, began_at, detail."""
    paused: tuple[str, ...]
    """Campaigns that are paused."""
    pauses: tuple[dict[str, Any], ...]
    """Those that a worker paused by itself: campaign, began_at, why."""
    breaker: dict[str, Any]
    """Of the provider in use: provider, is_open, opened_at, probe_at, why, failures (in a row)."""
    subscribers: int
    interviews_to_come: int
    heard_at: datetime | None
    """When a feed of events last told us anything; None: never."""
    unusable: dict[str, int]
    """What feeds brought that could not be used, by kind: foreign, wrong_address, malformed, …"""
    doubled: int
    """Sends that left twice, by the feed's own word."""
    without_end: int
    """Accepted more than 73 hours ago (and less than 30 days), and no feed ever said how it ended."""

    @property
    def is_ticking(self) -> bool:
        return self.workers > 0


def status(session: Session, *, now: datetime, provider: str = "") -> Status:
    """The queue, its lateness, what is in doubt, and whether anybody works."""
    counted = select(Send.state, func.count()).group_by(Send.state).order_by(Send.state)
    states = dict(session.execute(counted).all())
    due, late, oldest = session.execute(_due(now)).one()
    beats = session.scalars(select(Heartbeat).order_by(Heartbeat.last_tick_at.desc()).limit(100)).all()
    alive = [b for b in beats if now - b.last_tick_at <= SILENT_AFTER and b.note != SIGNED_OFF]
    told = counts(session)
    return Status(
        at=now,
        states=states,
        due=due,
        late=late or 0,
        lateness=max(now - oldest, timedelta()) if oldest else timedelta(),
        left_in_a_minute=_taken(session, since=now - timedelta(minutes=1)),
        left_in_an_hour=_taken(session, since=now - timedelta(hours=1)),
        asked_to_wait_until=_asked_to_wait(session, provider, now=now),
        in_doubt=states.get(State.IN_DOUBT, 0),
        next_due_at=next_due_at(session),
        last_tick_at=beats[0].last_tick_at if beats else None,
        workers=len(alive),
        has_signed_off=bool(beats) and beats[0].note == SIGNED_OFF,
        note=next((beat.note for beat in alive if beat.note), ""),
        holds=tuple(
            {"kind": hold.kind, "began_at": hold.began_at, "detail": hold.detail}
            for hold in active_holds(session)
        ),
        paused=tuple(session.scalars(select(Campaign.key).where(Campaign.state == CampaignState.PAUSED))),
        pauses=_pauses(session),
        breaker=_breaker(session, provider),
        subscribers=_count(session, Subscriber.erased_at.is_(None), of=Subscriber.id),
        interviews_to_come=_count(
            session,
            Interview.held_on >= now.date(),
            Interview.confirmed_at.is_not(None),
            Interview.canceled_at.is_(None),
            of=Interview.id,
        ),
        heard_at=last_heard_at(session),
        unusable=_unusable(told),
        doubled=sum(found.total for found in told if found.what == DOUBLED),
        without_end=_count(
            session,
            Send.state.in_(UNFINISHED),
            Send.left_at < now - FINAL_WITHIN,
            Send.left_at > now - timedelta(days=30),
            of=Send.id,
        ),
    )


def _pauses(session: Session) -> tuple[dict[str, Any], ...]:
    found = (
        select(CampaignPause.campaign, CampaignPause.began_at, CampaignPause.why)
        .where(CampaignPause.ended_at.is_(None), CampaignPause.why != "")
        .order_by(CampaignPause.campaign)
    )
    return tuple(dict(row) for row in session.execute(found).mappings())


def _breaker(session: Session, provider: str) -> dict[str, Any]:
    row = session.get(BreakerState, provider)
    return {
        "provider": provider,
        "is_open": row is not None and row.opened_at is not None,
        "opened_at": row and row.opened_at,
        "probe_at": row and row.probe_at,
        "why": row.why if row else "",
        "failures": row.failures if row else 0,
    }


def _taken(session: Session, *, since: datetime) -> int:
    return _count(session, Attempt.intent_at > since, Attempt.kind == OK, of=Attempt.id)


def _asked_to_wait(session: Session, provider: str, *, now: datetime) -> datetime | None:
    bucket = session.get(RateBucket, provider)
    until = bucket and bucket.closed_until
    return until if until and until > now else None


def _unusable(told: Sequence[FeedCount]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for found in told:
        if found.what not in ("event", DOUBLED):
            totals[found.what] = totals.get(found.what, 0) + found.total
    return dict(sorted(totals.items()))


def next_due_at(session: Session) -> datetime | None:
    """The earliest moment at which a send may leave; None when nothing waits."""
    return session.scalar(select(func.min(Send.ready_at)).where(Send.state.in_(_WAITING)))


_WAITING = (State.PLANNED, State.RETRY_WAIT)


def _due(now: datetime) -> Select[int, Any, datetime | None]:
    is_late = case((Send.ready_at <= now - LATE_AFTER, 1), else_=0)
    return select(func.count(), func.sum(is_late), func.min(Send.ready_at)).where(
        Send.state.in_(_WAITING), Send.ready_at <= now
    )


def _count(session: Session, *conditions: Any, of: Any) -> int:
    return session.scalar(select(func.count(of)).where(*conditions)) or 0
