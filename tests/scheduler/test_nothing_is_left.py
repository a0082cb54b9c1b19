"""Invariant 25: of somebody who was erased no table tells anything, but that nobody may write to them."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from town import KEY, Town

from delivery.events import DeliveryEvent, EventType
from delivery.records import store
from runup.database import Base
from scheduler.hearing import hear
from scheduler.merging import merge_people
from subscribers import (
    Consent,
    Happened,
    Interview,
    NewsletterList,
    Reason,
    Subscriber,
    Suppression,
    address_hmac,
    join_list,
    mailbox_hmac,
    pause_emails,
    remember,
    tag,
)
from subscribers.own_data import erase

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ADDRESSES = ("zuleika@example.com", "zuleika+work@example.com", "zul.private@example.org")
HASHES = {address_hmac(each, KEY) for each in ADDRESSES} | {mailbox_hmac(each, KEY) for each in ADDRESSES}
TOLD = (
    "zuleika",
    "zul.private",
    "Acme-Zet",
    "Head of Zet",
    "form 4711",
    "zet-tag",
)


def test_of_somebody_with_a_long_history_nothing_is_left(town: Town) -> None:
    facts = {
        "home_zone": "Pacific/Kiritimati",
        "company": "Acme-Zet",
        "role": "Head of Zet",
        "interview_time": "12:34",
    }
    first, *doubles = (town.person("zuleika", email=address, **facts) for address in ADDRESSES)
    town.tick()
    (sent, *_) = town.sends("welcome")
    event = DeliveryEvent(
        id="e1", type=EventType.DELIVERED, occurred_at=town.now, reference=sent.reference, attempt=1,
        address=ADDRESSES[0], is_permanent=False,
    )  # fmt: skip
    with town.write() as session:
        store(session, [event], source="x", hash_address=lambda a: address_hmac(a, KEY), now=town.now)
        hear(session, now=town.now)
        person = session.get_one(Subscriber, first.subscriber_id)
        for consent in session.scalars(select(Consent)):
            consent.proof, consent.sender_hmac = "form 4711", address_hmac("192.0.2.7", KEY)
        join_list(session, person, NewsletterList(key="news", name="News"), now=town.now, source="form")
        tag(session, person, ["zet-tag"])
        pause_emails(session, person, until_on=None, now=town.now)
        remember(session, person.id, Happened.EXPORTED, at=town.now, detail="3 rows")
    town.move(first, "2026-12-11")
    for double in doubles:
        with town.write() as session:
            pair = [session.get_one(Subscriber, each.subscriber_id) for each in (first, double)]
            merge_people(session, *pair, catalog=town.catalog, now=town.now)
    assert HASHES & set(_everything(town)), "before, the hashes are there"
    with town.write() as session:
        erase(session, session.get_one(Subscriber, first.subscriber_id), now=town.now)
        town.reconcile(session, first.subscriber_id)
    values = _everything(town)
    assert [value for value in values for told in TOLD if told.lower() in value.lower()] == []
    assert not HASHES & set(values)
    assert not {address_hmac("192.0.2.7", KEY)} & set(values)
    with town.database.read() as session:
        silent = session.execute(select(Suppression.address_hmac, Suppression.reason)).all()
        assert {(key, reason) for key, reason in silent} == {
            (address_hmac(each, KEY), Reason.ERASED) for each in ADDRESSES
        }
        assert session.scalars(select(Interview.company)).all() == [""] * 3
    town.later(hours=2).tick()
    assert town.left() == ["welcome"] * 2, "the third was delivered; nothing left after the erasure"


def _everything(town: Town) -> list[str]:
    """Every value of every table but the suppressions, as text."""
    with town.database.read() as session:
        return [
            str(value)
            for table in Base.metadata.sorted_tables
            if table.name not in ("suppression", "campaign_version")
            for row in session.execute(select(table)).all()
            for value in row
        ]
