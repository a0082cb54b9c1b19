"""A person reads all we keep of them, and then it is gone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from runup.database import Base, Database
from subscribers import (
    Consent,
    Interview,
    Reason,
    SignUp,
    Subscriber,
    Subscription,
    address_hmac,
    confirm,
    find_subscriber,
    find_suppression,
    sign_up,
    suppress,
)
from subscribers.own_data import erase, own_data

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
KEY = b"k" * 32
HMAC = address_hmac("ana@example.com", KEY)
TOLD = {
    "email": "ana@example.com", "first_name": "Anastasia", "home_zone": "Europe/Berlin", "mode": "video",
    "interview_date": "2026-12-04", "interview_time": "14:07", "interview_zone": "America/St_Johns",
    "company": "Quarkwerke", "role": "Zeppelin pilot", "country": "DE", "consent": "yes",
}  # fmt: skip


@pytest.fixture
def ana(database: Database) -> Subscriber:
    with database.write() as session:
        interview = sign_up(
            session, SignUp.parse(TOLD, now=NOW), campaign="second_interview", hmac_key=KEY, now=NOW,
            source="import: anastasia.csv", sender_hmac="f" * 64,
        )  # fmt: skip
        confirm(session, interview, now=NOW)
        for consent in session.scalars(select(Consent)):
            consent.proof = "Anastasia's paper form"
        session.add(
            Subscription(
                subscriber_id=interview.subscriber_id, list_key="letter", subscribed_at=NOW, confirmed_at=NOW
            )
        )
        return interview.subscriber


def test_her_data_is_everything_she_told_and_no_key_of_ours(database: Database, ana: Subscriber) -> None:
    with database.read() as session:
        data = own_data(session, session.get_one(Subscriber, ana.id))
    assert data["subscriber"]["address"] == "ana@example.com"
    assert data["interviews"][0]["company"] == "Quarkwerke"
    assert data["consents"][0]["proof"] == "Anastasia's paper form"
    assert data["newsletters"][0]["list_key"] == "letter"
    assert data["suppression"] is None
    assert HMAC not in str(data)
    assert "f" * 64 not in str(data)


def test_after_erasure_nothing_of_her_is_in_any_table(database: Database, ana: Subscriber) -> None:
    with database.write() as session:
        assert erase(session, session.get_one(Subscriber, ana.id), now=NOW + timedelta(days=1))
    with database.read() as session:
        kept = " ".join(
            str(row) for table in Base.metadata.sorted_tables for row in session.execute(select(table))
        )
    for told in (
        "ana@",
        "nastasia",
        "Quarkwerke",
        "Zeppelin",
        "14, 7",
        "14:07",
        "St_Johns",
        "Berlin",
        "f" * 64,
    ):
        assert told not in kept


def test_the_hash_of_her_address_stays_suppressed(database: Database, ana: Subscriber) -> None:
    with database.write() as session:
        erase(session, session.get_one(Subscriber, ana.id), now=NOW)
    with database.read() as session:
        found = find_suppression(session, HMAC)
        assert found is not None
        assert found.reason == Reason.ERASED
        assert find_subscriber(session, HMAC) is None


def test_every_open_send_has_to_be_planned_again(database: Database, ana: Subscriber) -> None:
    with database.write() as session:
        before = session.get_one(Subscriber, ana.id).epoch
        erase(session, session.get_one(Subscriber, ana.id), now=NOW)
    with database.read() as session:
        assert session.get_one(Subscriber, ana.id).epoch > before


def test_erasing_twice_is_erasing_once(database: Database, ana: Subscriber) -> None:
    with database.write() as session:
        assert erase(session, session.get_one(Subscriber, ana.id), now=NOW)
    with database.write() as session:
        assert not erase(session, session.get_one(Subscriber, ana.id), now=NOW + timedelta(days=1))
        assert session.get_one(Subscriber, ana.id).erased_at == NOW


def test_a_complaint_stays_a_complaint(database: Database, ana: Subscriber) -> None:
    with database.write() as session:
        suppress(session, HMAC, Reason.COMPLAINED, now=NOW)
        erase(session, session.get_one(Subscriber, ana.id), now=NOW)
    with database.read() as session:
        found = find_suppression(session, HMAC)
        assert found is not None
        assert found.reason == Reason.COMPLAINED


def test_the_rows_stay_for_the_counts(database: Database, ana: Subscriber) -> None:
    with database.write() as session:
        erase(session, session.get_one(Subscriber, ana.id), now=NOW)
    with database.read() as session:
        assert session.scalars(select(Interview)).one().subscriber_id == ana.id
