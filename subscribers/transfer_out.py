"""Many subscribers at once, out to a file that `take_in` understands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from subscribers.consent import Consent
from subscribers.interview import Interview
from subscribers.lists import Subscription
from subscribers.subscriber import Subscriber
from subscribers.suppression import EVERYTHING, Suppression
from subscribers.tags import tags_by_person

_DETAILS = (
    "campaign", "mode", "interviewers", "format", "company", "role", "country", "decision_on", "outcome",
    "outcome_at", "canceled_at", "confirmed_at",
)  # fmt: skip


def rows_of(
    session: Session, *where: ColumnElement[bool], most_at_once: int = 500
) -> Iterator[dict[str, str]]:
    """Every interview and every place on a list of everybody of whom `where` holds, as rows of a file: people
    in the order they came. Erased people and forgotten interviews have none."""
    last = 0
    while True:
        page = select(Subscriber).where(Subscriber.id > last, *_kept(), *where).order_by(Subscriber.id)
        people = session.scalars(page.limit(most_at_once)).all()
        if not people:
            return
        yield from _page(session, people)
        last = people[-1].id
        session.expunge_all()


def count_rows(session: Session, *where: ColumnElement[bool]) -> int:
    """How many rows `rows_of` will give."""
    of_interviews = select(func.count(Interview.id)).where(*_told()).join(Subscriber)
    of_places = select(func.count(Subscription.id)).join(Subscriber)
    counted = (each.where(*_kept(), *where) for each in (of_interviews, of_places))
    return sum(session.scalar(each) or 0 for each in counted)


def _kept() -> tuple[ColumnElement[bool], ...]:
    return (Subscriber.address.is_not(None),)


def _told() -> tuple[ColumnElement[bool], ...]:
    return (Interview.forgotten_at.is_(None), Interview.merged_into.is_(None))


def _page(session: Session, people: Sequence[Subscriber]) -> Iterator[dict[str, str]]:
    ids = [person.id for person in people]
    tags = tags_by_person(session, ids)
    silent = _silent(session, people)
    interviews, places = _interviews(session, ids), _places(session, ids)
    of_interview, of_list = _consents(session, ids)
    for person in people:
        about = _about(person, tags.get(person.id, ())) | silent.get(person.address_hmac or "", {})
        for interview in interviews.get(person.id, ()):
            yield _texts(about | _of_interview(interview) | _agreed(of_interview.get(interview.id)))
        for place in places.get(person.id, ()):
            yield _texts(about | _of_place(place) | _agreed(of_list.get((person.id, place.list_key))))


def _about(person: Subscriber, tags: Sequence[str]) -> dict[str, object]:
    return {
        "email": person.address,
        "first_name": person.first_name,
        "home_zone": person.home_zone,
        "locale": person.locale,
        "tags": " ".join(tags),
    }


def _of_interview(interview: Interview) -> dict[str, object]:
    return {name: getattr(interview, name) for name in _DETAILS} | {
        "interview_date": interview.held_on,
        "interview_time": interview.start_time and interview.start_time.isoformat(),
        "interview_zone": interview.zone,
        "signed_up_at": interview.requested_at,
    }


def _of_place(place: Subscription) -> dict[str, object]:
    return {
        "list": place.list_key,
        "list_left_at": place.ended_at,
        "signed_up_at": place.subscribed_at,
        "confirmed_at": place.confirmed_at,
    }


def _agreed(consent: Consent | None) -> dict[str, object]:
    if consent is None:
        return {}
    proof = consent.proof or f"{consent.source}, wording {consent.wording_version}"
    return {"consent_at": consent.agreed_at, "consent_proof": proof}


def _interviews(session: Session, people: Sequence[int]) -> dict[int, list[Interview]]:
    found = select(Interview).where(Interview.subscriber_id.in_(people), *_told())
    return _by_person(session.scalars(found.order_by(Interview.id)))


def _places(session: Session, people: Sequence[int]) -> dict[int, list[Subscription]]:
    found = select(Subscription).where(Subscription.subscriber_id.in_(people)).order_by(Subscription.id)
    return _by_person(session.scalars(found))


def _consents(
    session: Session, people: Sequence[int]
) -> tuple[dict[int | None, Consent], dict[tuple[int, str], Consent]]:
    """The latest one to each interview, and to each list."""
    of_interview, of_list = {}, {}
    for consent in session.scalars(
        select(Consent).where(Consent.subscriber_id.in_(people)).order_by(Consent.id)
    ):
        of_interview[consent.interview_id] = consent
        of_list[consent.subscriber_id, consent.purpose.removeprefix("newsletter:")] = consent
    return of_interview, of_list


def _silent(session: Session, people: Sequence[Subscriber]) -> dict[str, dict[str, object]]:
    keys = [person.address_hmac for person in people]
    found = select(Suppression).where(Suppression.address_hmac.in_(keys), Suppression.scope == EVERYTHING)
    return {
        row.address_hmac: {"suppressed": row.reason, "suppressed_at": row.created_at}
        for row in session.scalars(found)
    }


def _by_person(rows: Any) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for row in rows:
        found.setdefault(row.subscriber_id, []).append(row)
    return found


def _texts(values: dict[str, object]) -> dict[str, str]:
    return {name: _text(value) for name, value in values.items()}


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return "" if value is None else str(value)
