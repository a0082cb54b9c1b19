"""What feeds tell is kept once, on both databases, and counts do not depend on who counts first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from threading import Barrier, Thread

from databases import database, database_url, postgresql_server, postgresql_url, sqlite_url
from sqlalchemy import select

from delivery.events import DeliveryEvent, EventType
from delivery.records import DeliveryRecord, count, counts, records_of, store

__all__ = ["database", "database_url", "postgresql_server", "postgresql_url", "sqlite_url"]

NOW = datetime(2026, 11, 23, 9, 0, 0, 123456, tzinfo=UTC)


def event(number: int, **changes: object) -> DeliveryEvent:
    values = {
        "id": f"id{number}",
        "reference": f"{number:032x}",
        "attempt": 2,
        "type": EventType.BOUNCED,
        "occurred_at": NOW - timedelta(minutes=number),
        "address": f"person{number}@example.com",
        "is_permanent": True,
        "detail": "550 it's \"gone\" \\ :rows %s <&> '; DROP TABLE send; --",
    }
    return DeliveryEvent(**(values | changes))


def keep(session, *events: DeliveryEvent, now: datetime = NOW) -> int:
    return store(
        session, events, source="sendgrid", hash_address=lambda address: f"hash of {address}", now=now
    )


def test_every_column_comes_back_as_it_went_in(database):
    told = event(7)
    with database.write() as session:
        assert keep(session, told) == 1
    with database.read() as session:
        (record,) = records_of(session, told.reference)
        assert (record.event_id, record.source, record.reference) == ("id7", "sendgrid", told.reference)
        assert (record.attempt, record.type, record.is_permanent) == (2, EventType.BOUNCED, True)
        assert (record.occurred_at, record.heard_at, record.applied_at) == (told.occurred_at, NOW, None)
        assert (record.address_hmac, record.detail) == ("hash of person7@example.com", told.detail)
        found = select(DeliveryRecord.id).where(DeliveryRecord.occurred_at == told.occurred_at)
        assert session.scalar(found) == record.id


def test_a_moment_of_another_zone_is_the_same_moment(database):
    in_kiritimati = NOW.astimezone(timezone(timedelta(hours=14)))
    with database.write() as session:
        keep(session, event(1, occurred_at=in_kiritimati, address="", is_permanent=False, detail=""))
    with database.read() as session:
        (record,) = records_of(session, f"{1:032x}")
        assert (record.occurred_at, record.address_hmac, record.is_permanent) == (NOW, "", False)


def test_only_new_ones_are_stored_and_counted(database):
    with database.write() as session:
        assert keep(session) == 0
        assert keep(session, event(1), event(2), event(1)) == 2
    with database.write() as session:
        assert keep(session, event(2, detail="other words"), event(3), now=NOW + timedelta(hours=1)) == 1
        assert keep(session, event(1), event(2), event(3)) == 0
    with database.read() as session:
        assert session.scalars(select(DeliveryRecord.event_id).order_by(DeliveryRecord.id)).all() == [
            "id1", "id2", "id3",
        ]  # fmt: skip
        assert records_of(session, f"{2:032x}")[0].detail == event(2).detail
        (told,) = counts(session)
        assert (told.what, told.total, told.last_at) == ("event", 3, NOW + timedelta(hours=1))


def test_a_thousand_events_are_one_statement(database):
    with database.write() as session:
        assert keep(session, *map(event, range(1000))) == 1000
        assert keep(session, *map(event, range(500, 1500))) == 500


def test_two_who_hear_the_same_at_once_store_it_once(database):
    """One in the order in which it happened, one backwards: each holds what the other wants next."""
    together, stored = Barrier(2), []

    def hear(numbers: range) -> None:
        together.wait()
        with database.write() as session:
            stored.append(keep(session, *map(event, numbers)))
            count(session, "sendgrid", "malformed", now=NOW)

    threads = [Thread(target=hear, args=[numbers]) for numbers in (range(3000), range(2999, -1, -1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(stored) == [0, 3000]
    with database.read() as session:
        assert {found.what: found.total for found in counts(session)} == {"event": 3000, "malformed": 2}
