"""What a call came to, written down: compare-and-set on the lease, in one statement per kind."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from campaigns.reasons import Reason
from delivery.provider import AccountRefused, DeliveryError, NotSent, Rejected, Unknown
from scheduler.send import Attempt, Send, State

FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(minutes=15)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """`kind`: `ok`, or the letter of the error class."""

    kind: str
    status: int = 0
    message_id: str = ""
    error: str = ""
    retry_after: float | None = None

    @classmethod
    def failed(cls, error: DeliveryError) -> Outcome:
        return cls(
            kind=error.kind,
            status=error.status,
            error=str(error)[:300],
            retry_after=getattr(error, "retry_after", None),
        )


def record(session: Session, outcomes: Mapping[int, Outcome], *, token: str, now: datetime) -> None:
    """Write down what the calls of one batch came to. A row whose lease we lost is somebody else's by now."""
    attempts = {
        row.id: row.attempts
        for row in session.execute(select(Send.id, Send.attempts).where(Send.id.in_(outcomes)))
    }
    by_kind: dict[str, list[int]] = {}
    for identity, outcome in outcomes.items():
        by_kind.setdefault(outcome.kind, []).append(identity)
    for kind, ids in by_kind.items():
        if kind in (NotSent.kind, AccountRefused.kind):
            for identity in ids:
                ready = now + wait(outcomes[identity], identity, attempts.get(identity, 1))
                _set(session, [identity], token, state=State.RETRY_WAIT, ready_at=ready, left_at=None)
        else:
            _set(
                session, ids, token, **_FINAL[kind], **({} if kind == Unknown.kind else {"finished_at": now})
            )
    for identity, outcome in outcomes.items():
        session.execute(
            update(Attempt)
            .where(Attempt.send_id == identity, Attempt.number == attempts.get(identity))
            .values(
                finished_at=now,
                kind=outcome.kind,
                status=outcome.status,
                provider_message_id=outcome.message_id[:200],
                error=outcome.error,
            )
        )


_FINAL: dict[str, dict[str, Any]] = {
    "ok": {"state": State.ACCEPTED, "reason": Reason.ACCEPTED},
    Rejected.kind: {"state": State.REJECTED, "reason": Reason.REJECTED, "left_at": None},
    Unknown.kind: {"state": State.IN_DOUBT},
}


def _set(session: Session, ids: list[int], token: str, **values: Any) -> None:
    session.execute(
        update(Send)
        .where(Send.id.in_(ids), Send.state == State.SENDING, Send.lease_token == token)
        .values(lease_token=None, lease_until=None, **values)
        .execution_options(synchronize_session=False)
    )


def wait(outcome: Outcome, identity: int, attempts: int) -> timedelta:
    """How long to wait before trying again: what the provider asks for, else a random share of a doubling
    span, so that a crowd does not come back together. Drawn from the send's id: the same run, the same wait."""
    if outcome.retry_after is not None:
        return min(timedelta(seconds=max(outcome.retry_after, 0)), LONGEST_WAIT * 4)
    longest: timedelta = min(FIRST_WAIT * 2 ** min(attempts - 1, 10), LONGEST_WAIT)
    draw = int.from_bytes(hashlib.blake2s(f"{identity}/{attempts}".encode(), digest_size=4).digest()) / 2**32
    return longest * max(draw, 0.1)


def record_render_error(session: Session, identity: int, error: str, *, token: str, now: datetime) -> None:
    """Poison: this email cannot be made. Certainly nothing left."""
    session.execute(
        update(Send)
        .where(Send.id == identity, Send.state == State.CLAIMED, Send.lease_token == token)
        .values(
            state=State.DEAD,
            reason=Reason.RENDER_ERROR,
            detail=error[:300],
            finished_at=now,
            lease_token=None,
            lease_until=None,
            ready_at=None,
        )
        .execution_options(synchronize_session=False)
    )
