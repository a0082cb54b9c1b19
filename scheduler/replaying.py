"""The send journal told to the database at a start: what had been accepted is not sent again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.reasons import Reason
from runup.database import Database
from scheduler.journal import Journal, Line
from scheduler.outcomes import OK
from scheduler.send import IN_FLIGHT, UNSENT, Attempt, Send, State, is_in
from scheduler.transaction import transact
from subscribers.subscriber import lock_subscriber

TOGETHER = 500


def replay(database: Database, journal: Journal, *, now: datetime) -> int:
    """Accept every send that the journal says was accepted and the database does not know of; returns their
    number.

    It matters when the process died between an answer and its record, and when the database was brought back
    from a backup. Reading the journal twice changes nothing.
    """
    return sum(
        transact(database, lambda session: _accept(session, lines, now=now))  # noqa: B023 - called at once
        for lines in _in_batches(line for line in journal.lines() if line.evidence)
    )


def _in_batches(lines: Iterable[Line]) -> Iterator[dict[str, Line]]:
    rest = iter(lines)
    while some := {line.reference: line for line in islice(rest, TOGETHER)}:
        yield some


def _accept(session: Session, lines: dict[str, Line], *, now: datetime) -> int:
    found = select(Send.id, Send.subscriber_id).where(
        Send.reference.in_(lines), is_in(*UNSENT, *IN_FLIGHT, State.UNKNOWN)
    )
    accepted = 0
    for row in session.execute(found.order_by(Send.subscriber_id)).all():
        lock_subscriber(session, row.subscriber_id)
        send = session.get_one(Send, row.id, with_for_update=True, populate_existing=True)
        if send.state in (*UNSENT, *IN_FLIGHT, State.UNKNOWN):
            _record(session, send, lines[send.reference], now=now)
            accepted += 1
    return accepted


def _record(session: Session, send: Send, line: Line, *, now: datetime) -> None:
    send.state, send.reason, send.finished_at = State.ACCEPTED, Reason.ACCEPTED, now
    send.left_at = send.intent_at = line.at
    send.attempts = max(send.attempts, line.attempt)
    send.lease_token = send.lease_until = send.ready_at = None
    attempt = session.scalar(
        select(Attempt).where(Attempt.send_id == send.id, Attempt.number == line.attempt)
    )
    if attempt is None:
        attempt = Attempt(
            send_id=send.id, number=line.attempt, worker="journal", provider="journal", intent_at=line.at
        )
        session.add(attempt)
    attempt.kind, attempt.status, attempt.finished_at = OK, line.status, now
    attempt.provider_message_id = line.message_id
