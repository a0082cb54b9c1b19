"""Ana's two spellings are merged while the same email is on its way to one of them: it leaves once."""

from __future__ import annotations

from collections import Counter

import pytest
from interleaving import HeldDatabase, Meeting, held
from sqlalchemy.orm import Session
from town import Town

from scheduler.invariants import violations
from scheduler.merging import merge_people
from subscribers import Interview, Subscriber


def merge(session: Session, town: Town, ana: Interview) -> None:
    """The other one, whose email is claimed first or second, goes up in her."""
    other = session.query(Subscriber).filter(Subscriber.id != ana.subscriber_id).one()
    keep = session.get_one(Subscriber, ana.subscriber_id)
    merge_people(session, keep, other, catalog=town.catalog, now=town.now)


@pytest.mark.parametrize(
    ("kept", "point"),
    [
        ("ana", "while rendering"),
        ("ana+work", "while rendering"),
        ("ana", "before the intent is written"),
        ("ana+work", "after intent"),
        ("ana", "after the answer"),
    ],
)
def test_whatever_a_send_is_at_a_merge_sends_it_once(
    town: Town, database_url: str, kept: str, point: str
) -> None:
    people = {name: town.person("ana", email=f"{name}@example.com") for name in ("ana", "ana+work")}
    town.tick()
    town.at("2026-11-27 09:09:30")
    mine, other = HeldDatabase(database_url), HeldDatabase(database_url)
    meeting = Meeting(town, other, people[kept], point, merge)
    with held(town, mine, meeting) as provider:
        town.later(hours=20).tick(provider=provider)
    steps = Counter(letter.categories[1] for letter in provider.letters)
    # Held inside a transaction the worker may be done with both before the merge gets its turn.
    assert steps["details"] == 1 or not meeting.was_first
    assert max(Counter(letter.reference for letter in provider.letters).values()) == 1
    with town.database.read() as session:
        assert not violations(session)
        keep = session.get_one(Subscriber, people[kept].subscriber_id)
        assert {send.subscriber_id for send in town.sends("details", state="accepted")} == {keep.id}
    mine.close()
    other.close()
