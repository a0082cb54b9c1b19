"""Whom another version of a campaign concerns: their sends were planned by an older one."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, literal, select, tuple_
from sqlalchemy.orm import Session

from campaigns.enrollment import Campaign, Enrollment
from subscribers.subscriber import Subscriber


@dataclass(frozen=True, order=True)
class Place:
    """How far a walk over the enrollments of older versions has come."""

    campaign: str = ""
    number: int = 0
    subscriber: int = 0


def of_old_versions(session: Session, *, after: Place, most: int) -> list[Place]:
    """Enrollments after this place that were planned by an older version than their campaign's, at most
    `most`. Nothing of theirs leaves until they are planned again."""
    newest = session.execute(
        select(Campaign.key, Campaign.number).where(Campaign.key >= after.campaign).order_by(Campaign.key)
    ).all()
    found: list[Place] = []
    for key, number in newest:
        rows = session.execute(
            select(Enrollment.planned_number, Enrollment.subscriber_id)
            # Written as the index is, and read in its order: one look where nothing is old.
            .where(Enrollment.campaign == key, Enrollment.planned_number < number)
            .where(*_after(after, key))
            .order_by(Enrollment.planned_number, Enrollment.subscriber_id)
            .limit(most - len(found))
        )
        found += [Place(key, planned, subscriber) for planned, subscriber in rows]
        if len(found) == most:
            break
    return found


def still_old(session: Session, ids: Collection[int]) -> list[int]:
    """Those of these people, locked, whom nobody else has planned again meanwhile or is planning just now."""
    people = select(Subscriber.id).where(Subscriber.id.in_(ids)).order_by(Subscriber.id)
    free = session.scalars(people.with_for_update(skip_locked=True)).all()
    return list(
        session.scalars(
            select(Enrollment.subscriber_id)
            .join(Campaign, Campaign.key == Enrollment.campaign)
            .where(Enrollment.subscriber_id.in_(free), Enrollment.planned_number < Campaign.number)
            .distinct()
        )
    )


def how_many(session: Session, campaign: str, *, number: int) -> int:
    """Enrollments that still stand as an older version than `number` had planned them."""
    found = select(func.count()).where(Enrollment.campaign == campaign, Enrollment.planned_number < number)
    return session.scalar(found) or 0


def _after(place: Place, key: str) -> Iterable[ColumnElement[bool]]:
    if key == place.campaign:
        here = tuple_(Enrollment.planned_number, Enrollment.subscriber_id)
        yield here > tuple_(literal(place.number), literal(place.subscriber))
