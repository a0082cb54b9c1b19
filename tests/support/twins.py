"""Many people at the price of one: rows copied, where planning each would take longer than what is tested."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session
from town import KEY

from campaigns.enrollment import Enrollment
from scheduler import Send, State
from subscribers import Interview, Subscriber, address_hmac

_NOT_YET = ("reason", "lease_token", "lease_until", "intent_at", "left_at", "finished_at")
_UNTOUCHED = {"state": State.PLANNED, "claims": 0, "attempts": 0, "resends": 0}


def add_twins(session: Session, interview: Interview, names: list[str], *, step: str, now: datetime) -> None:
    """People like the one of `interview`, with that one step due; whoever plans them again finds the rest."""
    person = session.get_one(Subscriber, interview.subscriber_id)
    enrollment = session.scalars(select(Enrollment).filter_by(interview_id=interview.id)).one()
    send = session.scalars(select(Send).filter_by(enrollment_id=enrollment.id, step=step)).one()
    addresses = [f"{name}@example.com" for name in names]
    people = _copies(
        session,
        person,
        [{"address": address, "address_hmac": address_hmac(address, KEY)} for address in addresses],
    )
    interviews = _copies(session, interview, [{"subscriber_id": one} for one in people])
    pairs = zip(people, interviews, strict=True)
    both = [{"subscriber_id": one, "interview_id": its} for one, its in pairs]
    enrollments = _copies(session, enrollment, both)
    fresh: dict[str, Any] = dict.fromkeys(_NOT_YET) | _UNTOUCHED | {"planned_at": now, "ready_at": now}
    _copies(
        session,
        send,
        [
            fresh | {"subscriber_id": one, "enrollment_id": its, "reference": secrets.token_hex(16)}
            for one, its in zip(people, enrollments, strict=True)
        ],
    )


def _copies(session: Session, row: Any, changes: list[dict[str, Any]]) -> list[int]:
    kind = type(row)
    columns = (one.key for one in kind.__mapper__.column_attrs)
    same = {name: getattr(row, name) for name in columns if name != "id"}
    made = insert(kind).returning(kind.id, sort_by_parameter_order=True)
    return list(session.scalars(made, [same | change for change in changes]))
