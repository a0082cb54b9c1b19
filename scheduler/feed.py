"""Whether silence means anything: how far the feed of events can be trusted to have told everything.

The provider's events are its acknowledgement. That none came for a send says that it was not accepted, but
only when those of its neighbors did come.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Integer, and_, bindparam, case, exists, func, select
from sqlalchemy.orm import Session

from runup.database import Instant
from scheduler.gauges import Canary
from scheduler.send import Attempt

USUAL = timedelta(minutes=15)
"""Events of an accepted email come within this."""
SILENT_FOR = timedelta(minutes=45)
"""Silence is not listened to before: the usual time, and half an hour for a backlog of events to drain."""
FEWEST = 20
"""Neighbors that must have been accepted for their events to say anything."""
MOST = 200
SLACK = 0.01
LOWEST_BASELINE = 0.98
"""A feed that usually tells less is none."""
WEEK = timedelta(days=7)
_SLICES = 20
_PER_SLICE = 100


def is_silence_evidence(session: Session, intent_at: datetime, *, baseline: float, now: datetime) -> bool:
    """Whether an attempt begun at `intent_at` that nothing was heard of was not accepted.

    True when at least FEWEST emails accepted after it, and long enough ago, were heard of in the usual share,
    or a canary sent after it was.
    """
    if now < intent_at + SILENT_FOR:
        return False
    number, heard = _neighbors(session, intent_at, now=now)
    if number >= FEWEST:
        return heard / number >= max(baseline, LOWEST_BASELINE) - SLACK
    return _a_canary_sang(session, intent_at)


def can_only_a_canary_tell(session: Session, intent_at: datetime, *, now: datetime) -> bool:
    """Too few emails were accepted after it, and no canary was sent since."""
    if now < intent_at + USUAL:
        return False
    number, _ = _neighbors(session, intent_at, now=now)
    is_out = and_(Canary.sent_at > intent_at, (Canary.kind == "ok") | (Canary.sent_at > now - SILENT_FOR))
    return number < FEWEST and not session.scalar(select(exists().where(is_out)))


def usual_share(session: Session, *, now: datetime) -> float:
    """The share of accepted emails that were heard of, in twenty slices of the last seven days.

    1.0 when nothing was accepted. A slice looks at no more than a hundred: the table may hold millions.
    """
    end, number, heard = now - SILENT_FOR, 0, 0
    for slice_ in range(_SLICES):
        begin = end - WEEK + slice_ * (WEEK / _SLICES)
        seen = _share(session, after=begin, until=begin + WEEK / _SLICES)
        number, heard = number + seen[0], heard + seen[1]
    return heard / number if number else 1.0


def _neighbors(session: Session, intent_at: datetime, *, now: datetime) -> tuple[int, int]:
    return _share(session, after=intent_at, until=now - USUAL, most=MOST)


def _share(session: Session, *, after: datetime, until: datetime, most: int = _PER_SLICE) -> tuple[int, int]:
    """Of the first `most` accepted attempts in between: how many there are, and how many were heard of."""
    number, heard = session.execute(_HEARD, {"after": after, "until": until, "most": most}).one()
    return number, heard or 0


_FIRST = (
    select(Attempt.heard_at)
    .where(Attempt.kind == "ok")
    .where(Attempt.intent_at > bindparam("after", type_=Instant()))
    .where(Attempt.intent_at <= bindparam("until", type_=Instant()))
    .order_by(Attempt.intent_at)
    .limit(bindparam("most", type_=Integer()))
    .subquery()
)
# Asked for every doubt and twenty times for a baseline, and built once.
_HEARD = select(func.count(), func.sum(case((_FIRST.c.heard_at.is_not(None), 1), else_=0))).select_from(
    _FIRST
)


def _a_canary_sang(session: Session, intent_at: datetime) -> bool:
    # One that came late came out of a backlog, which may hold the event we miss as well.
    sent = session.scalars(select(Canary).where(Canary.sent_at > intent_at, Canary.heard_at.is_not(None)))
    return any(canary.heard_at and canary.heard_at <= canary.sent_at + USUAL for canary in sent)
