"""What a call came to, written down: compare-and-set on the lease, in one statement per kind."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session

from campaigns.reasons import Reason
from delivery.provider import AccountRefused, DeliveryError, NotSent, Rejected, Unknown
from scheduler.send import LEASED, Attempt, Send, State, ends_without, is_in, still_left_at

FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(minutes=15)
AFTER_NO_CALL = timedelta(seconds=1)
OK = "ok"
NOT_CALLED = "-"
"""We let the call be: certainly nothing left, and nobody is to blame."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """`kind`: OK, NOT_CALLED, or the letter of the error class."""

    kind: str
    status: int = 0
    message_id: str = ""
    error: str = ""
    retry_after: float | None = None
    blames_recipient: bool = False
    is_address_gone: bool = False

    @classmethod
    def failed(cls, error: DeliveryError) -> Outcome:
        return cls(
            kind=error.kind,
            status=error.status,
            error=str(error)[:300],
            retry_after=getattr(error, "retry_after", None),
            blames_recipient=getattr(error, "blames_recipient", False),
            is_address_gone=getattr(error, "is_address_gone", False),
        )


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The outcome of attempt `number` at a send, which was claimed with `token`."""

    send_id: int
    reference: str
    number: int
    token: str
    outcome: Outcome


def record(session: Session, answers: Sequence[Answer], *, now: datetime) -> None:
    """Write down what calls came to.

    A row whose lease is gone is somebody else's by now, with one exception: in doubt, it still waits for just
    this answer. The attempt itself is always written: it says what happened, whoever owns the row.
    """
    alike: dict[tuple[str, str], list[Answer]] = defaultdict(list)
    for answer in answers:
        alike[answer.token, answer.outcome.kind].append(answer)
    for (token, kind), group in alike.items():
        if kind == NotSent.kind:
            _wait(session, group, token=token, now=now)
        else:
            _set(session, [answer.send_id for answer in group], token, **_values(kind, now))
    _write_attempts(session, answers, now=now)


def _values(kind: str, now: datetime) -> dict[str, Any]:
    if kind == OK:
        return {"state": State.ACCEPTED, "reason": Reason.ACCEPTED, "finished_at": now}
    if kind == Rejected.kind:
        return ends_without(State.REJECTED, Reason.REJECTED) | {"finished_at": now}
    if kind == Unknown.kind:
        return {"state": State.IN_DOUBT}
    # The provider refuses all of us, or we did not call: the send waits as if it had not been its turn.
    assert kind in (AccountRefused.kind, NOT_CALLED)
    pause = {"ready_at": now + AFTER_NO_CALL} if kind == NOT_CALLED else {}
    return {"state": State.PLANNED, "left_at": still_left_at(), **pause}


def _wait(session: Session, answers: Collection[Answer], *, token: str, now: datetime) -> None:
    failed = dict(
        session.execute(
            select(Attempt.send_id, func.count())
            .where(Attempt.send_id.in_([answer.send_id for answer in answers]), Attempt.kind == NotSent.kind)
            .group_by(Attempt.send_id)
        ).all()
    )
    for answer in answers:
        ready_at = now + wait(answer.outcome, answer.send_id, failed.get(answer.send_id, 0) + 1)
        _set(
            session,
            [answer.send_id],
            token,
            state=State.RETRY_WAIT,
            ready_at=ready_at,
            left_at=still_left_at(),
        )


def _set(session: Session, ids: list[int], token: str, **values: Any) -> None:
    session.execute(
        update(Send)
        .where(Send.id.in_(ids), Send.state.in_((State.SENDING, State.IN_DOUBT)), Send.lease_token == token)
        .values(lease_token=None, lease_until=None, **values)
        .execution_options(synchronize_session=False)
    )


def give_back(session: Session, ids: Collection[int], *, token: str, now: datetime) -> None:
    """Release claims of our own that were certainly not called, even if their intent has been written."""
    session.execute(
        update(Attempt)
        .where(Attempt.send_id.in_(ids), Attempt.finished_at.is_(None))
        .where(Attempt.send_id == Send.id, is_in(State.SENDING), Send.lease_token == token)
        .values(finished_at=now, kind=NOT_CALLED, error="given up before the call")
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(Send)
        .where(Send.id.in_(ids), is_in(*LEASED), Send.lease_token == token)
        .values(state=State.PLANNED, lease_token=None, lease_until=None, claims=0, left_at=still_left_at())
        .execution_options(synchronize_session=False)
    )


_BY_NUMBER = (
    update(Attempt.__table__)  # type: ignore[arg-type]  # a mapped class's table is a Table
    .where(Attempt.send_id == bindparam("of_send"), Attempt.number == bindparam("of_number"))
    .values(
        finished_at=bindparam("at"),
        kind=bindparam("as_kind"),
        status=bindparam("with_status"),
        provider_message_id=bindparam("with_id"),
        error=bindparam("with_error"),
    )
)


def _write_attempts(session: Session, answers: Collection[Answer], *, now: datetime) -> None:
    session.execute(
        _BY_NUMBER,
        [
            {
                "of_send": answer.send_id,
                "of_number": answer.number,
                "at": now,
                "as_kind": answer.outcome.kind,
                "with_status": answer.outcome.status,
                "with_id": answer.outcome.message_id[:200],
                "with_error": answer.outcome.error[:300],
            }
            for answer in answers
        ],
    )


def wait(outcome: Outcome, identity: int, failed: int) -> timedelta:
    """How long to wait after `failed` definite failures: what the provider asks for, else a random share of a
    doubling span, so that a crowd does not come back together. Drawn from the send's id: the same run, the
    same wait."""
    if outcome.retry_after is not None:
        return min(timedelta(seconds=max(outcome.retry_after, 0)), LONGEST_WAIT * 4)
    longest: timedelta = min(FIRST_WAIT * 2 ** min(failed - 1, 10), LONGEST_WAIT)
    draw = int.from_bytes(hashlib.blake2s(f"{identity}/{failed}".encode(), digest_size=4).digest()) / 2**32
    return longest * max(draw, 0.1)


def record_render_error(session: Session, identity: int, error: str, *, token: str, now: datetime) -> None:
    """Poison: this email cannot be made. Certainly nothing left."""
    session.execute(
        update(Send)
        .where(Send.id == identity, Send.state == State.CLAIMED, Send.lease_token == token)
        .values(
            **ends_without(State.DEAD, Reason.RENDER_ERROR),
            detail=error[:300],
            finished_at=now,
            lease_token=None,
            lease_until=None,
            ready_at=None,
        )
        .execution_options(synchronize_session=False)
    )
