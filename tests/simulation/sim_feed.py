"""What the provider tells afterwards, and what becomes of that on the way to us."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

from sim_world import World

from delivery.events import DeliveryEvent, EventType
from delivery.records import count, store
from runup.database import Database
from subscribers.address import address_hmac

if TYPE_CHECKING:
    from sim_oracle import Oracle
    from sim_ports import Copy

KEY = b"the simulation's own key"
OPERATOR = "operator@example.com"


class Feed:
    """Events of the copies the provider took: each is lost, doubled, late or forged by the draw."""

    def __init__(self, world: World, database: Database, oracle: Oracle) -> None:
        self.world, self.database, self.oracle = world, database, oracle
        self.rng = Random(world.seed ^ 0xFEED)
        self.told: dict[str, set[str]] = defaultdict(set)
        """What really arrived of each reference, by type."""
        self.ids: set[str] = set()
        """Of every event that arrived."""
        self.pending = 0
        self._number = 0
        self._held: list[list[DeliveryEvent]] = []
        """What waits until the feed, or the site, is there again."""

    def tell(self, copy: Copy) -> None:
        """The provider has just taken `copy`: what will be told of it, and when."""
        fires, seconds = self.world.faults.fires, self.rng.uniform(3, 40)
        events = [self._event(copy, EventType.PROCESSED)]
        if copy.recipient != OPERATOR and fires("dropped"):
            events.append(self._event(copy, EventType.DROPPED, is_permanent=self.rng.random() < 0.5))
        elif copy.recipient != OPERATOR and fires("bounced"):
            events.append(self._event(copy, EventType.BOUNCED, is_permanent=self.rng.random() < 0.5))
        else:
            events.append(self._event(copy, EventType.DELIVERED))
        if copy.recipient != OPERATOR and fires("complained"):
            self._send(self._event(copy, EventType.COMPLAINED), self.rng.uniform(60, 90_000))
        if copy.recipient != OPERATOR and fires("left_by_header"):
            self._send(self._event(copy, EventType.UNSUBSCRIBED), self.rng.uniform(60, 90_000))
        for event in events:
            if self.rng.random() < 0.3:
                seconds += self.rng.uniform(0.1, 60)
            self._send(event, seconds)

    def _event(self, copy: Copy, kind: EventType, *, is_permanent: bool = False) -> DeliveryEvent:
        self._number += 1
        return DeliveryEvent(
            id=f"e{self._number}",
            reference=copy.reference,
            attempt=copy.attempt,
            type=kind,
            occurred_at=self.world.now(),
            address=copy.recipient if self.rng.random() < 0.8 else "",
            is_permanent=is_permanent,
            detail="as it was told",
        )

    def _send(self, event: DeliveryEvent, seconds: float) -> None:
        faults = self.world.faults
        if faults.fires("feed_lost"):
            return
        if faults.fires("feed_late"):
            seconds += faults.size("feed_late", 600, 110_000)
        self._post([event], seconds)
        if faults.fires("feed_twice"):
            self._post([event, event], seconds + faults.size("feed_twice", 0, 7200))
        if faults.fires("feed_forged"):
            self._post([self._forged(event)], seconds * faults.size("feed_forged", 0, 1.5))

    def _forged(self, event: DeliveryEvent) -> DeliveryEvent:
        """Somebody else's event, a stranger's address, a foreign reference: it must change nobody."""
        self._number += 1
        is_foreign = self.rng.random() < 0.5
        return DeliveryEvent(
            id=f"forged{self._number}",
            reference="0" * 32 if is_foreign else event.reference,
            attempt=event.attempt,
            type=self.rng.choice((EventType.BOUNCED, EventType.COMPLAINED, EventType.UNSUBSCRIBED)),
            occurred_at=event.occurred_at - timedelta(days=1),
            address=event.address if is_foreign else "stranger@example.com",
            is_permanent=True,
        )

    def _post(self, events: list[DeliveryEvent], seconds: float) -> None:
        self.pending += 1
        self.world.later(seconds, lambda: self._arrive(events))

    def _arrive(self, events: list[DeliveryEvent]) -> None:
        world = self.world
        if world.is_down("feed") or world.is_down("db"):
            until = max(world.is_down_until.get("feed", 0), world.is_down_until.get("db", 0))
            self._held.append(events)
            world.later(until - world.elapsed + self.rng.uniform(1, 300), lambda: self._try_again(events))
            return
        self.pending -= 1
        with self.database.write() as session:
            store(session, events, source="sendgrid", hash_address=_hash, now=world.now())
            if world.faults.has("feed_forged"):
                count(session, "sendgrid", "malformed", now=world.now(), detail="not an event")
        self.oracle.committed("feed")
        for event in events:
            self.ids.add(event.id)
            if not event.id.startswith("forged"):
                self.told[event.reference].add(event.type)
        world.note("told", [event.id for event in events])
        if world.faults.is_off or self.oracle.is_anything_in_doubt() or self.rng.random() < 0.2:
            world.wake()

    def is_back(self) -> None:
        """It is there again before its time: what was held comes now, as a backlog does, within minutes."""
        held, self._held = self._held, []
        for events in held:
            self.world.later(self.rng.uniform(1, 300), lambda events=events: self._arrive(events))

    def _try_again(self, events: list[DeliveryEvent]) -> None:
        if any(each is events for each in self._held):
            self._held = [each for each in self._held if each is not events]
            self._arrive(events)


def _hash(address: str) -> str:
    return address_hmac(address, KEY)
