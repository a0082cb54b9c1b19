"""Settle what may or may not have been accepted: by evidence, and without it by the end of patience."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from campaigns.reasons import Reason
from delivery.provider import Provider
from runup.database import Database
from scheduler.send import Attempt, Send, State, is_in
from scheduler.transaction import transact
from subscribers.subscriber import lock_subscriber

PATIENCE = timedelta(hours=6)
MARGIN = timedelta(minutes=5)


def deadline(send: Send) -> datetime:
    """When waiting for evidence ends: six hours after the intent, or shortly before the send expires."""
    assert send.intent_at
    assert send.expires_at
    return max(send.intent_at, min(send.intent_at + PATIENCE, send.expires_at - MARGIN))


def in_doubt(
    session: Session, *, after: int = 0, most: int = 1000, until: datetime | None = None
) -> list[Send]:
    """What is in doubt, by id and above `after`; with `until`, only what is past its deadline then."""
    found = select(Send).where(is_in(State.IN_DOUBT), Send.id > after).order_by(Send.id).limit(most)
    if until is not None:
        found = found.where(or_(Send.intent_at <= until - PATIENCE, Send.expires_at <= until + MARGIN))
    return list(session.scalars(found))


def settle(session: Session, send_id: int, *, evidence: bool | None, now: datetime) -> State | None:
    """Give a send in doubt the state the evidence proves; returns the state it has afterwards.

    `evidence`: True, the provider has it; False, it certainly never took it; None, nobody can tell yet. A
    send without evidence is never simply sent again: after its deadline it ends as `unknown`, visibly.
    """
    found = session.get(Send, send_id)
    if found is None:
        return None
    lock_subscriber(session, found.subscriber_id)
    send = session.get_one(Send, send_id, with_for_update=True, populate_existing=True)
    if send.state != State.IN_DOUBT:
        return State(send.state)
    attempt = session.scalar(
        select(Attempt).where(Attempt.send_id == send.id, Attempt.number == send.attempts)
    )
    if evidence is True:
        _finish(send, attempt, State.ACCEPTED, Reason.ACCEPTED, kind="ok", now=now)
    elif evidence is False:
        send.state, send.ready_at, send.left_at = State.RETRY_WAIT, now, None
        send.lease_token = None
        if attempt:
            attempt.kind, attempt.finished_at, attempt.error = "N", now, "the provider never took it"
    elif now >= deadline(send):
        _finish(send, attempt, State.UNKNOWN, Reason.UNKNOWN, kind="U", now=now)
    return State(send.state)


def evidence_of(provider: Provider, send: Send) -> bool | None:
    """What the provider itself can prove about this send; most can prove nothing on the spot."""
    was_accepted = getattr(provider, "was_accepted", None)
    return was_accepted(send.reference, send.attempts) if was_accepted else None


def settle_all(database: Database, provider: Provider, *, clock: Callable[[], datetime]) -> int:
    """Ask for evidence of each send in doubt, and end what has waited long enough; returns how many were
    settled. Sends with a provider that can prove nothing are left alone until their deadline."""
    is_witness, settled, after = hasattr(provider, "was_accepted"), 0, 0
    while True:
        with database.read() as session:
            waiting = in_doubt(session, after=after, until=None if is_witness else clock())
        for send in waiting:
            evidence = evidence_of(provider, send)
            if evidence is not None or clock() >= deadline(send):
                act = partial(settle, send_id=send.id, evidence=evidence, now=clock())
                settled += transact(database, act) != State.IN_DOUBT
        if not waiting:
            return settled
        after = waiting[-1].id


def _finish(
    send: Send, attempt: Attempt | None, state: State, reason: Reason, *, kind: str, now: datetime
) -> None:
    send.state, send.reason, send.finished_at, send.lease_token = state, reason, now, None
    if attempt:
        attempt.kind, attempt.finished_at = kind, now
