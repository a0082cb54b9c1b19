"""People whom nobody knew, written down all at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Table, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from subscribers.address import mailbox_hmac
from subscribers.consent import Consent
from subscribers.interview import Interview
from subscribers.lists import Subscription
from subscribers.subscriber import Subscriber
from subscribers.suppression import EVERYTHING, Reason, Suppression
from subscribers.tags import SubscriberTag
from subscribers.transfer import ImportOptions, Row
from subscribers.transfer_record import Record

_TOLD = (
    "held_on", "start_time", "zone", "mode", "interviewers", "format", "company", "role", "country",
    "decision_on",
)  # fmt: skip
_Rows = Iterable[tuple[int, Record]]


def add_people(
    session: Session, rows: Mapping[str, Row], *, options: ImportOptions, now: datetime
) -> dict[str, int]:
    """Write these people down with what their rows tell; `rows` and the result are by address hash.

    Somebody who signed up by themselves in this very moment is not among the result: their row is one about
    a person who is known.
    """
    records = {key: row.record for key, row in rows.items() if row.record is not None}
    if not records:
        return {}
    ids = _add_subscribers(session, records, options=options, now=now)
    people = [(identity, records[key]) for key, identity in ids.items()]
    _add_interviews(session, people, source=options.source, now=now)
    _add_places(session, people, source=options.source, now=now)
    _add_suppressions(session, records, now=now)
    _many(
        session,
        SubscriberTag,
        [{"subscriber_id": person, "tag": tag} for person, record in people for tag in record.tags],
    )
    return ids


def add_interview(
    session: Session, subscriber: Subscriber, record: Record, *, source: str, now: datetime
) -> None:
    """One more interview of somebody who is known."""
    _add_interviews(session, [(subscriber.id, record)], source=source, now=now)
    if record.confirmed_at and subscriber.confirmed_at is None:
        subscriber.confirmed_at = record.confirmed_at
    subscriber.touch()


def _add_subscribers(
    session: Session, records: Mapping[str, Record], *, options: ImportOptions, now: datetime
) -> dict[str, int]:
    kind = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    table = _table(Subscriber)
    statement = kind(table).on_conflict_do_nothing(index_elements=["address_hmac"])
    values = [
        {
            "address": record.address,
            "address_hmac": key,
            "mailbox_hmac": mailbox_hmac(record.address, options.hmac_key),
            "first_name": record.first_name,
            "home_zone": record.home_zone,
            "locale": record.locale,
            "created_at": now,
            "confirmed_at": record.confirmed_at,
            "unsubscribed_at": _unsubscribed_at(record, now=now),
            "wants_goodbye": False,
            "epoch": 1,
            "planned_epoch": -1,
        }
        for key, record in records.items()
    ]
    added = session.execute(statement.returning(table.c.address_hmac, table.c.id), values).all()
    return dict(sorted(((key, identity) for key, identity in added), key=lambda pair: pair[1]))


def _add_interviews(session: Session, people: _Rows, *, source: str, now: datetime) -> None:
    told = {person: record for person, record in people if record.form is not None}
    if not told:
        return
    table = _table(Interview)
    values = [_interview(person, record, now=now) for person, record in told.items()]
    added = session.execute(insert(table).returning(table.c.id, table.c.subscriber_id), values).all()
    _many(
        session,
        Consent,
        [
            told[person].consent_to(f"sequence:{told[person].campaign}", source=source, now=now)
            | {"subscriber_id": person, "interview_id": interview}
            for interview, person in added
        ],
    )


def _interview(person: int, record: Record, *, now: datetime) -> dict[str, Any]:
    asked_at = record.signed_up_at or now
    return {name: getattr(record.form, name) for name in _TOLD} | {
        "subscriber_id": person,
        "campaign": record.campaign,
        "created_at": asked_at,
        "requested_at": asked_at,
        "confirmed_at": record.confirmed_at,
        "canceled_at": record.canceled_at,
        "outcome": record.outcome,
        "outcome_at": record.outcome_at,
        "revision": 0,
    }


def _add_places(session: Session, people: _Rows, *, source: str, now: datetime) -> None:
    told = [(person, record) for person, record in people if record.list_key]
    places = [
        {
            "subscriber_id": person,
            "list_key": record.list_key,
            "subscribed_at": record.signed_up_at or now,
            "confirmed_at": record.confirmed_at,
            "ended_at": record.list_left_at,
        }
        for person, record in told
    ]
    _many(session, Subscription, places)
    agreed = [
        record.consent_to(f"newsletter:{record.list_key}", source=source, now=now)
        | {"subscriber_id": person, "interview_id": None}
        for person, record in told
    ]
    _many(session, Consent, agreed)


def _add_suppressions(session: Session, records: Mapping[str, Record], *, now: datetime) -> None:
    """What a file brings along of a history: nobody was known, so there is nothing to keep before it."""
    silent: list[tuple[str, str, str, datetime]] = []
    for key, record in records.items():
        if record.suppressed:
            silent.append((key, EVERYTHING, record.suppressed, record.suppressed_at or now))
        if record.list_left_at:
            silent.append((key, record.list_key, Reason.UNSUBSCRIBED, record.list_left_at))
    names = ("address_hmac", "scope", "reason", "created_at")
    _many(session, Suppression, [dict(zip(names, each, strict=True)) for each in silent])


def _unsubscribed_at(record: Record, *, now: datetime) -> datetime | None:
    return (record.suppressed_at or now) if record.suppressed is Reason.UNSUBSCRIBED else None


def _many(session: Session, kind: type[Any], values: list[dict[str, Any]]) -> None:
    if values:
        session.execute(insert(_table(kind)), values)


def _table(kind: type[Any]) -> Table:
    table = kind.__table__
    assert isinstance(table, Table)
    return table
