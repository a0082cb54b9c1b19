"""Settle what may or may not have been accepted: by evidence, and without it by the end of patience."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.reasons import Reason
from delivery.provider import Provider
from scheduler.send import Attempt, Send, State

PATIENCE = timedelta(hours=6)
MARGIN = timedelta(minutes=5)


def deadline(send: Send) -> datetime:
    """When waiting for evidence ends: six hours after the intent, or shortly before the send expires."""
    assert send.intent_at
    assert send.expires_at
    return max(send.intent_at, min(send.intent_at + PATIENCE, send.expires_at - MARGIN))


def in_doubt(session: Session, *, most: int = 1000) -> list[Send]:
    return list(
        session.scalars(select(Send).where(Send.state == State.IN_DOUBT).order_by(Send.id).limit(most))
    )


def settle(session: Session, send: Send, *, evidence: bool | None, now: datetime) -> State:
    """Give a send in doubt the state the evidence proves; returns the state it has afterwards.

    `evidence`: True, the provider has it; False, it certainly never took it; None, nobody can tell yet. A
    send without evidence is never simply sent again: after its deadline it ends as `unknown`, visibly.
    """
    if send.state != State.IN_DOUBT:
        return State(send.state)
    attempt = session.scalar(
        select(Attempt).where(Attempt.send_id == send.id, Attempt.number == send.attempts)
    )
    if evidence is True:
        _finish(send, attempt, State.ACCEPTED, Reason.ACCEPTED, kind="ok", now=now)
    elif evidence is False:
        send.state, send.ready_at, send.left_at = State.RETRY_WAIT, now, None
        if attempt:
            attempt.kind, attempt.finished_at, attempt.error = "N", now, "the provider never took it"
    elif now >= deadline(send):
        _finish(send, attempt, State.UNKNOWN, Reason.UNKNOWN, kind="U", now=now)
    return State(send.state)


def evidence_of(provider: Provider, send: Send) -> bool | None:
    """What the provider itself can prove about this send; most can prove nothing on the spot."""
    was_accepted = getattr(provider, "was_accepted", None)
    return was_accepted(send.reference, send.attempts) if was_accepted else None


def _finish(
    send: Send, attempt: Attempt | None, state: State, reason: Reason, *, kind: str, now: datetime
) -> None:
    send.state, send.reason, send.finished_at = state, reason, now
    if attempt:
        attempt.kind, attempt.finished_at = kind, now
