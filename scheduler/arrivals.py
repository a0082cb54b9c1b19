"""Which attempts have proved to arrive, and which sends that makes double."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session

from scheduler.outcomes import OK
from scheduler.send import Attempt


def note_arrivals(
    session: Session, named: Collection[tuple[int, int]], *, tried_again: Collection[int], now: datetime
) -> int:
    """Events have named these attempts, each by its send's id and number; `tried_again` are the sends with
    more than one. Returns how many are double by that: two attempts of theirs arrived, and had not before."""
    if not named:
        return 0
    before = _arrived_twice(session, tried_again)
    session.execute(
        _HEARD, [{"of_send": send, "of_number": number, "at": now} for send, number in sorted(named)]
    )
    return len(_arrived_twice(session, tried_again) - before)


_HEARD = (
    update(Attempt.__table__)  # type: ignore[arg-type]  # a mapped class's table is a Table
    .where(
        Attempt.send_id == bindparam("of_send"),
        Attempt.number == bindparam("of_number"),
        Attempt.heard_at.is_(None),
    )
    .values(heard_at=bindparam("at"), finished_at=func.coalesce(Attempt.finished_at, bindparam("at")))
)


def _arrived_twice(session: Session, sends: Collection[int]) -> set[int]:
    if not sends:
        return set()
    arrived = (
        select(Attempt.send_id)
        .where(Attempt.send_id.in_(sends), Attempt.heard_at.is_not(None) | (Attempt.kind == OK))
        .group_by(Attempt.send_id)
        .having(func.count() > 1)
    )
    return set(session.scalars(arrived))
