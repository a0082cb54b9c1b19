"""A change of facts racing the intent: before it and seen, or after it and one email on the wire."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session
from town import SEQUENCE, Town, composer

from campaigns.enrollment import Campaign, pause
from delivery import Accepted, Email, Provider
from runup.database import Database
from scheduler import Composer, State, reconcile
from scheduler.claiming import claim, find_due
from scheduler.composing import Composed
from scheduler.draft import Draft
from scheduler.drafting import read_drafts
from scheduler.intending import intend
from subscribers import Interview, Subscriber, move, unsubscribe
from subscribers.own_data import erase

Act = Callable[[Session, Town, Interview], None]


def leaves(session: Session, town: Town, ana: Interview) -> None:
    unsubscribe(session, session.get_one(Subscriber, ana.subscriber_id), now=town.now)
    reconcile(session, ana.subscriber_id, catalog=town.catalog, now=town.now)


def moves(session: Session, town: Town, ana: Interview) -> None:
    found = session.get_one(Interview, ana.id)
    day = found.held_on + timedelta(days=7)
    move(session, found, held_on=day, start_time=found.start_time, zone=found.zone, now=town.now)
    reconcile(session, ana.subscriber_id, catalog=town.catalog, now=town.now)


def goes_for_good(session: Session, town: Town, ana: Interview) -> None:
    erase(session, session.get_one(Subscriber, ana.subscriber_id), now=town.now)
    reconcile(session, ana.subscriber_id, catalog=town.catalog, now=town.now)


def is_paused(session: Session, town: Town, ana: Interview) -> None:
    pause(session, session.get_one(Campaign, SEQUENCE, with_for_update=True), now=town.now)


ACTS = [leaves, moves, goes_for_good, is_paused]


class Interrupted(Composer):
    """While the email is written, something happens and is committed."""

    happens: Callable[[], None]

    def compose(self, draft: Draft, *, now: datetime) -> Composed:
        made = super().compose(draft, now=now)
        type(self).happens()
        return made


class Overtaken:
    """Something happens and is committed while the email is on the wire."""

    name = "outbox"

    def __init__(self, provider: Provider, happens: Callable[[], None]) -> None:
        self.provider, self.happens = provider, happens

    def deliver(self, email: Email) -> Accepted:
        self.happens()
        return self.provider.deliver(email)

    def close(self) -> None:
        """The provider is the town's."""


@pytest.fixture
def ana(town: Town) -> Interview:
    """Her "Go one level deeper" is due."""
    interview = town.ana()
    town.tick()
    town.at("2026-11-27 09:09:30")
    return interview


def once(town: Town, ana: Interview, act: Act) -> Callable[[], None]:
    done: list[bool] = []

    def happens() -> None:
        if not done:
            done.append(True)
            with town.write() as session:
                act(session, town, ana)

    return happens


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
def test_what_happens_before_the_intent_is_seen(town: Town, ana: Interview, act: Act) -> None:
    plain = composer(town.catalog)
    slow = Interrupted(catalog=plain.catalog, links=plain.links, brand=plain.brand, sender=plain.sender)
    Interrupted.happens = staticmethod(once(town, ana, act))
    town.tick(composer=slow)
    assert "details" not in town.left()
    assert not town.sends("details", state=State.SENDING)


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
def test_what_happens_after_the_intent_finds_one_email_on_the_wire(
    town: Town, ana: Interview, act: Act
) -> None:
    town.tick(provider=Overtaken(town.provider, once(town, ana, act)))
    assert town.left().count("details") == 1
    town.later(days=3).tick()
    assert town.left().count("details") == 1


def claimed(town: Town, person: Interview) -> list[Draft]:
    with town.write() as session:
        found = find_due(session, most=50, now=town.now, campaigns=[SEQUENCE])
        ids = claim(session, [due.send_id for due in found], token="mine", now=town.now)
        drafts = read_drafts(session, ids, catalog=town.catalog)
    return [draft for draft in drafts if draft.subscriber_id == person.subscriber_id]


def intended(session: Session, town: Town, drafts: list[Draft]) -> bool:
    gaps = {SEQUENCE: timedelta(0)}
    return bool(intend(session, drafts, token="mine", gaps=gaps, now=town.now).passed)


@pytest.mark.parametrize("attempt", range(3))
@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
def test_at_the_same_moment_one_of_the_two_waits_for_the_other(
    town: Town, ana: Interview, reopen: Callable[[], Database], act: Act, attempt: int
) -> None:
    """Two connections, started together: never an intent after the committed change."""
    drafts, order, start = claimed(town, ana), [], threading.Barrier(2)
    assert drafts

    def change(database: Database) -> None:
        start.wait(10)
        with database.write() as session:
            act(session, town, ana)
            session.flush()
            order.append("changed")  # nobody who needs these rows passes before our commit

    def check(database: Database) -> None:
        start.wait(10)
        with database.write() as session:
            order.append("intended" if intended(session, town, drafts) else "refused")

    threads = [threading.Thread(target=run, args=(reopen(),)) for run in (change, check)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert order in (["changed", "refused"], ["intended", "changed"])


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
def test_once_the_change_is_committed_there_is_no_intent(town: Town, ana: Interview, act: Act) -> None:
    drafts = claimed(town, ana)
    with town.write() as session:
        act(session, town, ana)
    with town.write() as session:
        assert not intended(session, town, drafts)


def test_a_row_claimed_while_the_person_is_planned_again_does_not_leave_with_old_words(
    town: Town, ana: Interview, reopen: Callable[[], Database]
) -> None:
    """The claim asks nobody for the subscriber; planning holds the rows it is about to change."""
    if town.database.is_sqlite:
        assert town.database.engine.dialect.name == "sqlite"  # its writers follow one another anyway
        return
    other = reopen()
    with town.write() as session:
        moves(session, town, ana)
        with other.write() as second:
            found = find_due(second, most=10, now=town.now, campaigns=[SEQUENCE])
            ids = [due.send_id for due in found]
            assert ids, "the old plan is what others see"
            assert claim(second, ids, token="mine", now=town.now) == []
