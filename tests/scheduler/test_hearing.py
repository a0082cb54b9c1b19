"""What providers tell us afterwards: applied once, in any order, to nobody but whom it concerns."""

from __future__ import annotations

import itertools
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from town import KEY, Town

from campaigns.reasons import Reason
from delivery import copies
from delivery.events import DeliveryEvent, EventType
from delivery.records import DeliveryRecord, counts, forget_old_records, records_of, store
from scheduler import Attempt, Send, State
from scheduler.hearing import hear
from subscribers import Interview, Subscriber, address_hmac, is_suppressed

_numbers = itertools.count()


def event(send: Send, kind: EventType, **changes: Any) -> DeliveryEvent:
    values: dict[str, Any] = {
        "id": f"event-{next(_numbers)}",
        "reference": send.reference,
        "attempt": 1,
        "type": kind,
        "occurred_at": send.intent_at or send.planned_at,
        "address": "ana@example.com",
    }
    return DeliveryEvent(**(values | changes))


def tell(town: Town, *events: DeliveryEvent) -> int:
    with town.write() as session:
        return store(
            session, events, source="test", hash_address=lambda a: address_hmac(a, KEY), now=town.now
        )


def told(town: Town) -> dict[str, int]:
    with town.database.read() as session:
        return {found.what: found.total for found in counts(session)}


def suppressed(town: Town, interview: Interview) -> bool:
    with town.database.read() as session:
        person = session.get_one(Subscriber, interview.subscriber_id)
        assert person.address_hmac
        return is_suppressed(session, person.address_hmac)


@pytest.fixture
def welcomed(town: Town) -> Send:
    """The welcome that Ana's provider has taken."""
    town.ana()
    town.tick()
    return town.send("welcome")


def test_an_email_climbs_as_the_provider_tells(town: Town, welcomed: Send) -> None:
    for kind in (EventType.PROCESSED, EventType.DEFERRED, EventType.DELIVERED):
        tell(town, event(welcomed, kind))
        town.later(seconds=5).tick()
        assert town.send("welcome").state == State(kind.value)
    after = town.send("welcome")
    assert (after.reason, after.finished_at, after.left_at) == (
        Reason.ACCEPTED,
        welcomed.finished_at,
        welcomed.left_at,
    )


def test_every_order_and_repetition_of_events_ends_alike(town: Town, welcomed: Send) -> None:
    kinds = [EventType.PROCESSED, EventType.DEFERRED, EventType.DELIVERED, EventType.BOUNCED]
    dice = random.Random(7)
    for number, order in enumerate(itertools.permutations(kinds)):
        with town.write() as session:
            session.get_one(Send, welcomed.id).state = State.ACCEPTED
        for position, kind in enumerate(order):
            tell(town, *[event(welcomed, kind, id=f"{number}-{kind}")] * dice.randint(1, 46))
            if position % 2:
                town.tick()
        town.tick()
        assert town.send("welcome").state == State.BOUNCED


def test_the_same_event_is_kept_once_however_often_it_is_told(town: Town, welcomed: Send) -> None:
    once = event(welcomed, EventType.DELIVERED)
    assert [tell(town, once), tell(town, once, once), tell(town, once)] == [1, 0, 0]
    town.tick()
    before = town.snapshot()
    tell(town, once)
    town.tick()
    assert town.snapshot() == before
    assert told(town)["event"] == 1


@pytest.mark.parametrize("kind", [EventType.BOUNCED, EventType.DROPPED])
def test_an_address_that_does_not_exist_gets_nothing_more(town: Town, outbox: Path, kind: EventType) -> None:
    ana = town.ana()
    town.tick()
    tell(town, event(town.send("welcome"), kind, is_permanent=True, detail="550 no such user"))
    town.tick()
    assert suppressed(town, ana)
    assert not town.sends(state=State.PLANNED)
    assert {send.reason for send in town.sends("details")} == {Reason.SUPPRESSED_BOUNCE}
    town.tick_until("2026-12-06 12:00", every=timedelta(hours=12))
    assert sum(copies(outbox).values()) == 1


def test_a_full_mailbox_is_not_the_address_s_fault(town: Town, welcomed: Send) -> None:
    tell(town, event(welcomed, EventType.BOUNCED, is_permanent=False, detail="452 mailbox full"))
    town.tick()
    assert town.send("welcome").state == State.BOUNCED
    assert town.sends("details", state=State.PLANNED), "the next one is tried"


def test_a_complaint_ends_everything(town: Town) -> None:
    ana = town.ana()
    town.tick()
    tell(town, event(town.send("welcome"), EventType.COMPLAINED))
    town.tick()
    assert suppressed(town, ana)
    assert town.send("welcome").state == State.DELIVERED, "she has got it"
    assert {send.reason for send in town.sends("details")} == {Reason.SUPPRESSED_COMPLAINT}


def test_leaving_by_the_provider_s_own_link_is_leaving(town: Town) -> None:
    ana = town.ana()
    town.tick()
    tell(town, event(town.send("welcome"), EventType.UNSUBSCRIBED))
    town.tick()
    assert suppressed(town, ana)
    assert {send.reason for send in town.sends("details")} == {Reason.UNSUBSCRIBED}


def test_a_bounce_on_the_eve_stops_the_thanks(town: Town) -> None:
    town.ana()
    town.tick_until("2026-12-03 16:30")
    tell(town, event(town.send("day_before"), EventType.BOUNCED, is_permanent=True))
    town.tick_until("2026-12-05 12:00")
    assert "thanks" not in town.left()


def test_an_event_about_somebody_else_changes_nobody(town: Town, welcomed: Send) -> None:
    sam = town.person("sam")
    lie = event(welcomed, EventType.BOUNCED, is_permanent=True, address="sam@example.com")
    tell(town, lie, event(welcomed, EventType.COMPLAINED, address="sam@example.com"))
    town.tick()
    assert town.send("welcome").state == State.ACCEPTED
    assert not suppressed(town, sam)
    assert told(town)["wrong_address"] == 2


def test_an_event_of_no_email_of_ours_is_counted_and_not_kept(town: Town, welcomed: Send) -> None:
    tell(town, event(welcomed, EventType.BOUNCED, reference="0" * 32, is_permanent=True))
    town.tick()
    assert told(town)["foreign"] == 1
    with town.database.read() as session:
        assert not session.scalars(select(DeliveryRecord)).all()


def test_an_event_of_what_ended_without_a_call_is_counted_and_changes_nothing(town: Town) -> None:
    ana = town.ana()
    town.unsubscribe(ana)
    details = town.send("details")
    before = town.snapshot()
    tell(town, event(details, EventType.DELIVERED, attempt=0))
    town.tick()
    assert town.snapshot() == before
    assert told(town)["contradicted"] == 1


def test_an_event_proves_that_an_unsent_email_of_a_restored_database_has_left(
    town: Town, outbox: Path
) -> None:
    """A backup does not know what left after it; the feed does."""
    town.ana()
    tell(town, event(town.send("welcome"), EventType.DELIVERED))
    town.tick()
    assert town.send("welcome").state == State.DELIVERED
    assert not copies(outbox)


def test_two_attempts_that_both_arrived_are_counted_as_one_double(town: Town, welcomed: Send) -> None:
    with town.write() as session:
        send = session.get_one(Send, welcomed.id)
        send.attempts = 2
        first = session.scalars(select(Attempt)).one()
        session.add(
            Attempt(
                send_id=send.id, number=2, worker="w", provider="test", intent_at=first.intent_at, kind="U"
            )
        )
    tell(town, event(welcomed, EventType.PROCESSED, attempt=1))
    town.tick()
    assert "doubled" not in told(town)
    tell(town, event(welcomed, EventType.PROCESSED, attempt=2))
    tell(town, event(welcomed, EventType.DELIVERED, attempt=2))
    town.tick()
    tell(town, event(welcomed, EventType.OPENED, attempt=2))
    town.tick()
    assert told(town)["doubled"] == 1


def test_events_after_an_erasure_find_nobody(town: Town) -> None:
    from subscribers.own_data import erase

    ana = town.ana()
    town.tick()
    with town.write() as session:
        erase(session, session.get_one(Subscriber, ana.subscriber_id), now=town.now)
        town.reconcile(session, ana.subscriber_id)
    tell(town, event(town.send("welcome"), EventType.COMPLAINED))
    town.tick()
    assert town.send("welcome").state == State.DELIVERED
    with town.database.read() as session:
        (record,) = records_of(session, town.send("welcome").reference)
    assert record.address_hmac == "", "the address was compared and is not kept"


def test_a_thousand_events_are_applied_in_rounds(town: Town) -> None:
    town.people(40)
    town.tick()
    events = [
        event(send, kind, address="")
        for send in town.sends("welcome")
        for kind in (EventType.PROCESSED, EventType.DELIVERED)
        for _ in range(13)
    ]
    assert tell(town, *events) == 1040
    town.tick()
    assert {send.state for send in town.sends("welcome")} == {State.DELIVERED}


def test_records_are_forgotten_after_ninety_days_and_not_before_they_were_applied(
    town: Town, welcomed: Send
) -> None:
    tell(town, event(welcomed, EventType.DELIVERED))
    town.later(days=91)
    with town.write() as session:
        assert forget_old_records(session, now=town.now) == 0
        hear(session, now=town.now)
        assert forget_old_records(session, now=town.now) == 1
