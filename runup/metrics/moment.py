"""What the rows say at one moment: a dozen statements, each by an index or over a table of a few rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import SelectBase, bindparam, func, literal_column, select
from sqlalchemy.orm import Session

from campaigns.enrollment import Campaign, CampaignState
from delivery.records import counts
from runup.health import oldest_overdue
from runup.reports import SILENT_AFTER
from scheduler import BreakerState, Heartbeat, RateBucket, Send, State
from scheduler.braking import active_holds
from scheduler.claiming import LANES, is_running
from scheduler.send import WAITING, is_in
from scheduler.webhook import Webhook, WebhookPost

MOST_COUNTED = 10_000
"""A backlog is counted so far and no further: what it costs to look must not grow with it."""
MOST_WORKERS = 200
REMEMBERED = timedelta(hours=1)
"""A worker that has ended is told for so long, so that an alert can see it missing."""


@dataclass(frozen=True)
class Backlog:
    """One lane: how many could leave now (MOST_COUNTED at most), and for how long the oldest could have."""

    lane: int
    due: int
    oldest: timedelta


@dataclass(frozen=True)
class Pulse:
    host: str
    pid: int
    silent_for: timedelta


@dataclass(frozen=True)
class Breaker:
    provider: str
    is_open: bool
    failures: int


@dataclass(frozen=True)
class Bucket:
    name: str
    tokens: float
    closed_for: timedelta


@dataclass(frozen=True)
class Feed:
    source: str
    what: str
    total: int
    age: timedelta


@dataclass(frozen=True)
class Receiver:
    """Of webhooks: whether it is on, for how long it has taken nothing (zero: all is well), what waits."""

    id: int
    is_on: bool
    failing_for: timedelta
    waiting: int


@dataclass(frozen=True, kw_only=True)
class Moment:
    """Spans are never negative: a worker's clock may be ahead of ours."""

    backlogs: Sequence[Backlog]
    in_doubt: int
    pulses: Sequence[Pulse]
    last_tick: timedelta | None
    workers: int
    holds: Sequence[str]
    paused: int
    breakers: Sequence[Breaker]
    buckets: Sequence[Bucket]
    feeds: Sequence[Feed]
    receivers: Sequence[Receiver]


def read_moment(session: Session, *, now: datetime) -> Moment:
    """How things stand at `now`. Bounded, however many rows there are."""
    last = session.scalar(select(func.max(Heartbeat.last_tick_at)))
    pulses = _pulses(session, now=now)
    return Moment(
        backlogs=[_backlog(session, lane, now=now) for lane in LANES],
        in_doubt=_number(session, select(Send.id).where(is_in(State.IN_DOUBT)).limit(MOST_COUNTED)),
        pulses=pulses,
        last_tick=_since(last, now) if last else None,
        workers=sum(pulse.silent_for <= SILENT_AFTER for pulse in pulses),
        holds=[hold.kind for hold in active_holds(session)],
        paused=_number(session, select(Campaign.key).where(Campaign.state == CampaignState.PAUSED)),
        breakers=[
            Breaker(row.provider, row.opened_at is not None, row.failures)
            for row in session.scalars(select(BreakerState).order_by(BreakerState.provider))
        ],
        buckets=[
            Bucket(row.name, row.tokens, _since(now, row.closed_until or now))
            for row in session.scalars(select(RateBucket).order_by(RateBucket.name))
        ],
        receivers=[_receiver(session, webhook, now=now) for webhook in session.scalars(select(Webhook))],
        feeds=[Feed(c.source, c.what, c.total, _since(c.last_at, now)) for c in counts(session)],
    )


def _backlog(session: Session, lane: int, *, now: datetime) -> Backlog:
    oldest = oldest_overdue(session, lane=lane, now=now)
    if oldest is None:
        return Backlog(lane, 0, timedelta())
    due = select(Send.id).where(
        is_in(*WAITING),
        Send.lane == bindparam(None, lane, literal_execute=True),
        Send.ready_at <= now,
        is_running(),
    )
    return Backlog(lane, _number(session, due.limit(MOST_COUNTED)), _since(oldest, now))


def _pulses(session: Session, *, now: datetime) -> list[Pulse]:
    found = (
        select(Heartbeat.host, Heartbeat.pid, func.max(Heartbeat.last_tick_at).label("at"))
        .where(Heartbeat.last_tick_at > now - REMEMBERED)
        # A process id comes again after a restart in a container: one line per host and id, or none is valid.
        .group_by(Heartbeat.host, Heartbeat.pid)
        .order_by(func.max(Heartbeat.last_tick_at).desc())
        .limit(MOST_WORKERS)
    )
    return [Pulse(row.host, row.pid, _since(row.at, now)) for row in session.execute(found)]


def _receiver(session: Session, webhook: Webhook, *, now: datetime) -> Receiver:
    failing_for = _since(webhook.failing_since, now) if webhook.failing_since else timedelta()
    left = select(WebhookPost.id).where(
        WebhookPost.webhook_id == webhook.id,
        # Written out, or neither database uses the index of those.
        WebhookPost.state == literal_column("'waiting'"),
    )
    waiting = _number(session, left.limit(MOST_COUNTED))
    return Receiver(webhook.id, webhook.state == "on", failing_for, waiting)


def _since(moment: datetime, now: datetime) -> timedelta:
    return max(now - moment, timedelta())


def _number(session: Session, found: SelectBase) -> int:
    return session.scalar(select(func.count()).select_from(found.subquery())) or 0
