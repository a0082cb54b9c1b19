"""What filters ask of readers, read from the rows for many at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.audience import Audience, AudienceFacts, Listener
from campaigns.context import Appointment
from campaigns.facts import Passage, Person, appointment
from campaigns.languages import language_of
from subscribers.interview import Interview
from subscribers.lists import Subscription, is_theirs
from subscribers.subscriber import Subscriber
from subscribers.tags import SubscriberTag

_OF_INTERVIEWS = frozenset(("interview", "interviews", "has_upcoming"))
_OF_LISTS = frozenset(("lists", "days_on_list"))
_PERSON = (
    Subscriber.id, Subscriber.first_name, Subscriber.home_zone, Subscriber.locale, Subscriber.confirmed_at,
)  # fmt: skip
_INTERVIEW = (
    Interview.subscriber_id, Interview.campaign, Interview.held_on, Interview.start_time, Interview.zone,
    Interview.mode, Interview.interviewers, Interview.format, Interview.company, Interview.role,
    Interview.country, Interview.decision_on, Interview.requested_at, Interview.outcome,
)  # fmt: skip


def read_facts(
    session: Session, audience: Audience, list_key: str, subscriber_ids: Sequence[int], *, now: datetime
) -> dict[int, AudienceFacts]:
    """The facts of these readers of a list, by their ids; four queries for any number, fewer when the filter
    asks for less. Whoever has no row is left out."""
    found: dict[int, AudienceFacts] = {}
    joined = _joined(session, subscriber_ids) if audience.asks_for & _OF_LISTS else {}
    tags = _tags(session, subscriber_ids) if "tags" in audience.asks_for else {}
    interviews = _interviews(session, subscriber_ids) if audience.asks_for & _OF_INTERVIEWS else {}
    for row in session.execute(select(*_PERSON).where(Subscriber.id.in_(subscriber_ids))):
        lists = joined.get(row.id, {})
        appointments = _appointments(interviews.get(row.id, ()), row, now)
        coming = [one for one in appointments if not one.is_past]
        found[row.id] = AudienceFacts(
            subscriber=_listener(row, tags.get(row.id, ()), now),
            lists=tuple(sorted(lists)),
            days_on_list=_days_since(lists.get(list_key), now),
            interview=coming[0] if coming else appointments[-1] if appointments else None,
            interviews=tuple(appointments),
            has_upcoming=bool(coming),
        )
    return found


def _listener(row: Any, tags: Sequence[str], now: datetime) -> Listener:
    return Listener(
        first_name=row.first_name,
        home_zone=row.home_zone,
        locale=row.locale,
        language=language_of(row.locale),
        tags=tuple(tags),
        days_known=_days_since(row.confirmed_at, now),
    )


def _appointments(rows: Sequence[Any], reader: Any, now: datetime) -> list[Appointment]:
    person = Person(home_zone=reader.home_zone)
    seen = [appointment(_passage(row), person, now=now) for row in rows]
    return sorted(seen, key=lambda one: (one.day, one.start_time is not None, one.start_time))


def _passage(row: Any) -> Passage:
    return Passage(
        campaign=row.campaign, held_on=row.held_on, start_time=row.start_time, zone=row.zone, mode=row.mode,
        interviewers=row.interviewers, format=row.format, company=row.company, role=row.role,
        country=row.country, decision_on=row.decision_on, requested_at=row.requested_at,
        outcome=row.outcome or "",
    )  # fmt: skip


def _joined(session: Session, ids: Sequence[int]) -> dict[int, dict[str, datetime]]:
    """By reader and list, since when they are on it."""
    found: defaultdict[int, dict[str, datetime]] = defaultdict(dict)
    columns = (Subscription.subscriber_id, Subscription.list_key, Subscription.subscribed_at)
    for reader, key, since in session.execute(
        select(*columns).where(Subscription.subscriber_id.in_(ids), is_theirs())
    ):
        found[reader][key] = since
    return found


def _tags(session: Session, ids: Sequence[int]) -> dict[int, list[str]]:
    found: defaultdict[int, list[str]] = defaultdict(list)
    columns = (SubscriberTag.subscriber_id, SubscriberTag.tag)
    for reader, tag in session.execute(
        select(*columns).where(SubscriberTag.subscriber_id.in_(ids)).order_by(SubscriberTag.tag)
    ):
        found[reader].append(tag)
    return found


def _interviews(session: Session, ids: Sequence[int]) -> dict[int, list[Any]]:
    found: defaultdict[int, list[Any]] = defaultdict(list)
    for row in session.execute(
        select(*_INTERVIEW).where(
            Interview.subscriber_id.in_(ids),
            Interview.confirmed_at.is_not(None),
            Interview.canceled_at.is_(None),
            Interview.forgotten_at.is_(None),
            Interview.merged_into.is_(None),
        )
    ):
        found[row.subscriber_id].append(row)
    return found


def _days_since(moment: datetime | None, now: datetime) -> int:
    return max(0, (now - moment).days) if moment else 0
