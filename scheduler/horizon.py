from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from delivery.records import DeliveryRecord
from scheduler.braking import active_hold
from scheduler.claiming import is_running
from scheduler.doubt import MARGIN, PATIENCE
from scheduler.feed import SILENT_FOR
from scheduler.send import LEASED, WAITING, Send, State, is_in
from scheduler.superseded import Place, of_old_versions
from scheduler.tending import next_beginning


def next_moment(session: Session, *, now: datetime) -> datetime | None:
    """The earliest moment at which a tick may find something to do; None when nothing waits, or everything
    waits for the operator to release a brake."""
    if active_hold(session) is not None:
        return None
    ready, ending, lease, told = (session.scalar(first) for first in (_READY, _ENDING, _LEASE, _TOLD))
    intent, expiry = session.execute(_IN_DOUBT).one()
    # Once silence may be listened to it is listened to at every tick.
    silence = intent + SILENT_FOR if intent and intent + SILENT_FOR > now else None
    doubt = (silence, intent and intent + PATIENCE, expiry and expiry - MARGIN)
    if of_old_versions(session, after=Place(), most=1):
        return now
    return _earliest((ready, ending, lease, told, next_beginning(session, now=now), *doubt))


_READY = select(func.min(Send.ready_at)).where(is_in(*WAITING), is_running())
_ENDING = select(func.min(Send.expires_at)).where(is_in(*WAITING), ~is_running())
_LEASE = select(func.min(Send.lease_until)).where(is_in(*LEASED))
_IN_DOUBT = select(func.min(Send.intent_at), func.min(Send.expires_at)).where(is_in(State.IN_DOUBT))
_TOLD = select(func.min(DeliveryRecord.heard_at)).where(DeliveryRecord.applied_at.is_(None))


def _earliest(moments: Iterable[datetime | None]) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)
