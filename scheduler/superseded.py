"""Whom another version of a campaign concerns: their sends were planned by an older one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Integer, String, bindparam, func, select, tuple_
from sqlalchemy.orm import Session

from campaigns.enrollment import Campaign, Enrollment
from subscribers.subscriber import Subscriber


@dataclass(frozen=True, order=True)
class Place:
    """How far a walk over the enrollments of older versions has come."""

    campaign: str = ""
    number: int = -1
    subscriber: int = -1


def of_old_versions(session: Session, *, after: Place, most: int) -> list[Place]:
    """Enrollments after this place that were planned by an older version than their campaign's, at most
    `most`. Nothing of theirs leaves until they are planned again."""
    newest = session.execute(_NEWEST, {"after": after.campaign}).all()
    found: list[Place] = []
    for key, number in newest:
        place = after if key == after.campaign else Place()
        values = {"key": key, "newest": number, "number": place.number, "subscriber": place.subscriber}
        rows = session.execute(_OLD, values | {"most": most - len(found)})
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


# Asked at every tick, and built once: to build them takes longer than to answer them.
_NEWEST = (
    select(Campaign.key, Campaign.number)
    .where(Campaign.key >= bindparam("after", type_=String()))
    .order_by(Campaign.key)
)
_OLD = (
    select(Enrollment.planned_number, Enrollment.subscriber_id)
    # Written as the index is, and read in its order: one look where nothing is old.
    .where(
        Enrollment.campaign == bindparam("key", type_=String()),
        Enrollment.planned_number < bindparam("newest", type_=Integer()),
        tuple_(Enrollment.planned_number, Enrollment.subscriber_id)
        > tuple_(bindparam("number", type_=Integer()), bindparam("subscriber", type_=Integer())),
    )
    .order_by(Enrollment.planned_number, Enrollment.subscriber_id)
    .limit(bindparam("most", type_=Integer()))
)
