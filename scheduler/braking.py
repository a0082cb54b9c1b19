from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from scheduler.claiming import is_running
from scheduler.gauges import Hold
from scheduler.send import WAITING, Send, is_in

MASS_EXPIRY = "mass_expiry"
MOST_EXPIRED_SHARE = 0.05
MOST_EXPIRED = 20
ON_TIME = timedelta(minutes=10)


def active_hold(session: Session) -> Hold | None:
    """The brake that is on, if one is: nothing is claimed and nothing expires."""
    return session.scalar(_ACTIVE)


_ACTIVE = select(Hold).where(Hold.released_until.is_(None)).order_by(Hold.kind).limit(1)


def brake(session: Session, *, now: datetime) -> Hold | None:
    """Stop when so much would expire at once that the clock, not the campaign, must be wrong.

    More than 5 % of what is due and more than 20: nothing is claimed and nothing expires until an operator
    has looked (`release_brake`). Returns the brake that is on.
    """
    on = active_hold(session)
    if on is not None:
        return on
    hold = session.get(Hold, MASS_EXPIRY)
    ending = (is_in(*WAITING), Send.expires_at <= now)
    expiring = session.scalar(
        select(func.count()).where(
            *ending,
            *([Send.expires_at > hold.released_until] if hold and hold.released_until else []),
            # A pause is the operator's word: what ends while it lasts ends as it should.
            or_(is_running(), Send.expires_at <= now - ON_TIME),
            # An issue that waits for a person's other emails ends by that rule, for many at the same moment.
            or_(Send.issue_id.is_(None), Send.reason.is_(None)),
        )
    )
    if not expiring or expiring <= MOST_EXPIRED:
        return None
    is_due = or_(Send.ready_at <= now, Send.expires_at <= now)
    due = session.scalar(select(func.count()).where(is_in(*WAITING), is_due)) or 0
    if not is_mass_expiry(expiring=expiring, due=due):
        return None
    hold = hold or Hold(kind=MASS_EXPIRY)
    hold.began_at, hold.released_until = now, None
    hold.detail = f"{expiring} of {due} due sends would expire at once; is the clock right?"
    session.add(hold)
    session.flush()
    return hold


def is_mass_expiry(*, expiring: int, due: int) -> bool:
    """So many of what is due would expire at once that somebody has to look."""
    return expiring > MOST_EXPIRED and expiring > MOST_EXPIRED_SHARE * due


def active_holds(session: Session) -> list[Hold]:
    """All brakes that are on, by their kind."""
    return list(session.scalars(select(Hold).where(Hold.released_until.is_(None)).order_by(Hold.kind)))


def put_on(session: Session, kind: str, detail: str, *, now: datetime) -> Hold | None:
    """Stop until an operator has looked. One that is on stays as it is and None is returned: the first reason
    is kept."""
    hold = session.get(Hold, kind)
    if hold is not None and hold.released_until is None:
        return None
    hold = session.merge(Hold(kind=kind, began_at=now, detail=detail[:300], released_until=None))
    session.flush()
    return hold


def release_brake(session: Session, *, now: datetime, only: str = "") -> list[Hold]:
    """The operator has looked: what has ended until `now` may expire. Returns the brakes that were on.

    Lets go of all, or of the kind `only`. Who lets go of all has been shown what would be sent and what is
    over: that much of it would expire at once is no reason to stop again.
    """
    on = [hold for hold in active_holds(session) if only in ("", hold.kind)]
    for hold in on:
        hold.released_until = now
    if on and not only:
        agreed = session.get(Hold, MASS_EXPIRY) or Hold(kind=MASS_EXPIRY, began_at=now, detail="")
        agreed.released_until = now
        session.add(agreed)
    return on
