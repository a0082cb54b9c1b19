"""Whom an operator means: conditions on people, for the database to answer."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from sqlalchemy import ColumnElement, Exists, and_, exists, func, not_, or_, select
from sqlalchemy.orm import Session

from subscribers.interview import Interview
from subscribers.lists import Subscription, is_theirs
from subscribers.subscriber import Subscriber
from subscribers.suppression import EVERYTHING, Reason, Suppression
from subscribers.tags import SubscriberTag


class Standing(StrEnum):
    """How somebody stands to us."""

    CONFIRMED = "confirmed"
    """May be written to."""
    UNCONFIRMED = "unconfirmed"
    UNSUBSCRIBED = "unsubscribed"
    SUPPRESSED = "suppressed"
    """Must not be written to for another reason: a bounce, a complaint, the operator's word."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """What is left empty does not matter. All that is said must hold; of several tags each."""

    text: str = field(default="", repr=False)
    """A part of the address or of the first name, in upper or lower case."""
    people: Collection[int] = ()
    """Any of these, by number."""
    tags: Collection[str] = ()
    list_key: str = ""
    """On this list now, with their own yes."""
    zone: str = ""
    """Where they live; `Europe/` is all of Europe."""
    interview_from: date | None = None
    interview_to: date | None = None
    """An interview that is on, within these days, both included."""
    standing: Standing | None = None

    @property
    def is_everybody(self) -> bool:
        return self == Search()

    def conditions(self) -> tuple[ColumnElement[bool], ...]:
        """Of subscribers. Erased people never meet them."""
        found = [Subscriber.address.is_not(None), *(_has_tag(tag) for tag in self.tags)]
        if self.text:
            names = (func.lower(Subscriber.address), func.lower(Subscriber.first_name))
            found.append(or_(*(name.contains(self.text.lower(), autoescape=True) for name in names)))
        if self.people:
            found.append(Subscriber.id.in_(self.people))
        if self.list_key:
            found.append(_is_on(self.list_key))
        if self.zone:
            zone = Subscriber.home_zone
            found.append(
                zone.startswith(self.zone, autoescape=True) if self.zone.endswith("/") else zone == self.zone
            )
        if self.interview_from or self.interview_to:
            found.append(_has_interview(self.interview_from, self.interview_to))
        if self.standing:
            found.append(_stands(self.standing))
        return tuple(found)


def _of_person(*conditions: ColumnElement[bool]) -> Exists:
    return exists().where(*conditions).correlate(Subscriber)


def count_found(session: Session, search: Search) -> int:
    """How many people it means."""
    return session.scalar(select(func.count(Subscriber.id)).where(*search.conditions())) or 0


def _has_tag(tag: str) -> ColumnElement[bool]:
    return _of_person(SubscriberTag.subscriber_id == Subscriber.id, SubscriberTag.tag == tag)


def _is_on(list_key: str) -> ColumnElement[bool]:
    return _of_person(
        Subscription.subscriber_id == Subscriber.id, Subscription.list_key == list_key, is_theirs()
    )


def _has_interview(earliest: date | None, latest: date | None) -> ColumnElement[bool]:
    within = [Interview.subscriber_id == Subscriber.id, Interview.canceled_at.is_(None)]
    if earliest:
        within.append(Interview.held_on >= earliest)
    if latest:
        within.append(Interview.held_on <= latest)
    return _of_person(*within)


def _stands(standing: Standing) -> ColumnElement[bool]:
    silent = _of_person(Suppression.address_hmac == Subscriber.address_hmac, Suppression.scope == EVERYTHING)
    by_themselves = silent.where(Suppression.reason == Reason.UNSUBSCRIBED)
    is_confirmed = Subscriber.confirmed_at.is_not(None)
    return {
        Standing.CONFIRMED: and_(is_confirmed, not_(silent)),
        Standing.UNCONFIRMED: and_(not_(is_confirmed), not_(silent)),
        Standing.UNSUBSCRIBED: by_themselves,
        Standing.SUPPRESSED: and_(silent, not_(by_themselves)),
    }[standing]
