"""What a tick sets right before it claims: leases of the dead, plans out of date, ends that have passed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from campaigns.reasons import Reason
from scheduler.claiming import CALL, FRESH
from scheduler.send import Hold, Send, State
from subscribers.subscriber import Subscriber

MOST_CLAIMS = 3
MOST_EXPIRED_SHARE = 0.05
MOST_EXPIRED = 20
MASS_EXPIRY = "mass_expiry"
_WAITING = (State.PLANNED, State.RETRY_WAIT)


def recover_leases(session: Session, *, now: datetime) -> None:
    """A worker died. Before its intent nothing was called: planned again. After it nobody knows: in doubt."""
    session.execute(
        update(Send)
        .where(Send.state == State.CLAIMED, Send.lease_until < now, Send.claims >= MOST_CLAIMS)
        .values(
            state=State.DEAD,
            reason=Reason.RENDER_ERROR,
            detail=f"{MOST_CLAIMS} workers died while preparing it",
            finished_at=now,
            lease_token=None,
            lease_until=None,
            ready_at=None,
        )
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(Send)
        .where(Send.state == State.CLAIMED, Send.lease_until < now)
        .values(state=State.PLANNED, lease_token=None, lease_until=None)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(Send)
        .where(Send.state == State.SENDING, Send.lease_until < now)
        .values(state=State.IN_DOUBT, lease_token=None, lease_until=None)
        .execution_options(synchronize_session=False)
    )


def out_of_date(session: Session, *, now: datetime, most: int) -> list[int]:
    """Subscribers whose sends must be planned again: facts changed, an end has passed, or a row lay too long."""
    changed = select(Subscriber.id).where(Subscriber.epoch != Subscriber.planned_epoch)
    overdue = select(Send.subscriber_id).where(
        Send.state.in_(_WAITING),
        Send.ready_at <= now,
        or_(
            Send.expires_at < now + CALL,
            (Send.ready_at <= now - FRESH) & (Send.planned_at <= now - FRESH),
        ),
    )
    ended = select(Send.subscriber_id).where(Send.state.in_(_WAITING), Send.expires_at < now + CALL)
    return list(session.scalars(changed.union(overdue, ended).limit(most)))


def brake(session: Session, *, now: datetime) -> Hold | None:
    """Stop when so much would expire at once that the clock, not the campaign, must be wrong.

    More than 5 % of what is due and more than 20: nothing is claimed and nothing expires until an operator
    has looked (`runup sends release`). Returns the brake while it is on.
    """
    due = session.scalar(select(func.count()).where(Send.state.in_(_WAITING), Send.ready_at <= now)) or 0
    ending = select(func.count()).where(Send.state.in_(_WAITING), Send.expires_at < now + CALL)
    hold = session.get(Hold, MASS_EXPIRY)
    if hold is not None and hold.released_until is not None:
        ending = ending.where(Send.expires_at > hold.released_until)
    expiring = session.scalar(ending) or 0
    if expiring <= MOST_EXPIRED or expiring <= MOST_EXPIRED_SHARE * max(due, expiring):
        return hold if hold is not None and hold.released_until is None else None
    hold = hold or Hold(kind=MASS_EXPIRY)
    hold.began_at, hold.released_until = now, None
    hold.detail = f"{expiring} of {due} due sends would expire at once; is the clock right?"
    session.add(hold)
    return hold


def release_brake(session: Session, *, now: datetime) -> Hold | None:
    """The operator has looked: what has ended until `now` may expire. Returns the brake that was on."""
    hold = session.get(Hold, MASS_EXPIRY)
    if hold is None or hold.released_until is not None:
        return None
    hold.released_until = now + CALL
    return hold
