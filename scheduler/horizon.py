from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from scheduler.braking import active_hold
from scheduler.claiming import is_running
from scheduler.doubt import MARGIN, PATIENCE
from scheduler.send import LEASED, WAITING, Send, State, is_in


def next_moment(session: Session) -> datetime | None:
    """The earliest moment at which a tick may find something to do; None when nothing waits, or everything
    waits for the operator to release a brake."""
    if active_hold(session) is not None:
        return None
    ready = session.scalar(select(func.min(Send.ready_at)).where(is_in(*WAITING), is_running()))
    ending = session.scalar(select(func.min(Send.expires_at)).where(is_in(*WAITING), ~is_running()))
    lease = session.scalar(select(func.min(Send.lease_until)).where(is_in(*LEASED)))
    intent, expiry = session.execute(
        select(func.min(Send.intent_at), func.min(Send.expires_at)).where(is_in(State.IN_DOUBT))
    ).one()
    return _earliest((ready, ending, lease, intent and intent + PATIENCE, expiry and expiry - MARGIN))


def _earliest(moments: Iterable[datetime | None]) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)
