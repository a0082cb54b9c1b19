"""Subscribers as listings show them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from subscribers import Interview, Subscriber, Suppression
from subscribers.suppression import EVERYTHING
from subscribers.tags import tags_by_person


def subscriber_rows(
    session: Session, *where: ColumnElement[bool], now: datetime, limit: int = 0, skip: int = 0
) -> list[dict[str, Any]]:
    """Subscribers of whom `where` holds, the newest first, each with its next interview and its tags.

    `limit` 0 for all; `skip` leaves out so many of the newest. None that is erased.
    """
    people = (
        select(Subscriber, Suppression.reason)
        .outerjoin(
            Suppression,
            (Suppression.address_hmac == Subscriber.address_hmac) & (Suppression.scope == EVERYTHING),
        )
        .where(Subscriber.erased_at.is_(None), *where)
        .order_by(Subscriber.id.desc())
        .offset(skip)
    )
    rows = session.execute(people.limit(limit) if limit else people).all()
    is_all = not (limit or where)
    ids = [row.Subscriber.id for row in rows]
    interviews = _interviews(session, None if is_all else ids)
    tags = tags_by_person(session, None if is_all else ids)
    return [
        _subscriber_row(row.Subscriber, row.reason, interviews.get(row.Subscriber.id, []), now=now)
        | {"tags": list(tags.get(row.Subscriber.id, ()))}
        for row in rows
    ]


def _subscriber_row(
    person: Subscriber, suppressed: str | None, interviews: Sequence[Interview], *, now: datetime
) -> dict[str, Any]:
    on = [i for i in interviews if i.canceled_at is None]
    nearest = next((i for i in on if i.held_on >= now.date()), on[-1] if on else None)
    return {
        "id": person.id,
        "email": person.address,
        "first_name": person.first_name,
        "home_zone": person.home_zone,
        "locale": person.locale,
        "created_at": person.created_at,
        "confirmed_at": person.confirmed_at,
        "suppressed": suppressed,
        "interviews": len(interviews),
        "interview_id": nearest and nearest.id,
        "interview_on": nearest and nearest.held_on,
        "state": suppressed or ("confirmed" if person.confirmed_at else "unconfirmed"),
    }


def _interviews(session: Session, ids: list[int] | None) -> dict[int, list[Interview]]:
    wanted = select(Interview).order_by(Interview.held_on, Interview.id)
    by_person: dict[int, list[Interview]] = {}
    for interview in session.scalars(
        wanted if ids is None else wanted.where(Interview.subscriber_id.in_(ids))
    ):
        by_person.setdefault(interview.subscriber_id, []).append(interview)
    return by_person
