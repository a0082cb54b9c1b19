"""A worker held at a point of one send, while somebody changes the facts on a connection of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from doomed import DoomedDatabase
from sqlalchemy import select
from sqlalchemy.orm import Session
from town import KEY, SEQUENCE, Town, composer

from campaigns import publish
from campaigns.enrollment import Campaign, pause
from campaigns.source_files import CampaignFiles, version_of
from delivery import Accepted, Email, Provider
from delivery.events import DeliveryEvent, EventType
from delivery.records import store
from runup.database import Database
from scheduler import Composer, Send
from scheduler.composing import Composed
from scheduler.draft import Draft
from scheduler.hearing import hear
from subscribers import Interview, Reason, Subscriber, address_hmac, cancel, move, suppress, unsubscribe
from subscribers.own_data import erase

BEFORE_THE_INTENT = (
    "before the claim is written",
    "before claim commit",
    "after claim",
    "while rendering",
    "before the intent is written",
    "before intent commit",
)
AFTER_THE_INTENT = (
    "after intent",
    "before the call",
    "after the answer",
    "before the record is written",
    "before record commit",
    "after record",
)
POINTS = (*BEFORE_THE_INTENT, *AFTER_THE_INTENT)
WITHIN_A_TRANSACTION = {point for point in POINTS if point.startswith("before") and "call" not in point}
A_MOMENT = 0.15
"""Seconds an act is given while the worker is held inside a transaction: it may wait for us."""

Act = Callable[[Session, Town, Interview], None]


def leaves(session: Session, town: Town, ana: Interview) -> None:
    unsubscribe(session, session.get_one(Subscriber, ana.subscriber_id), now=town.now)
    town.reconcile(session, ana.subscriber_id)


def goes_for_good(session: Session, town: Town, ana: Interview) -> None:
    erase(session, session.get_one(Subscriber, ana.subscriber_id), now=town.now)
    town.reconcile(session, ana.subscriber_id)


def is_suppressed_by_the_operator(session: Session, town: Town, ana: Interview) -> None:
    suppress(session, address_hmac("ana@example.com", KEY), Reason.BY_OPERATOR, now=town.now)


def complains(session: Session, town: Town, ana: Interview) -> None:
    """About the email before; the same worker or another one hears of it."""
    welcome = session.scalars(select(Send).filter_by(step="welcome", subscriber_id=ana.subscriber_id)).one()
    told = DeliveryEvent(
        id="complaint",
        reference=welcome.reference,
        attempt=1,
        type=EventType.COMPLAINED,
        occurred_at=town.now,
    )
    store(session, [told], source="test", hash_address=str, now=town.now)
    hear(session, now=town.now)


def cancels(session: Session, town: Town, ana: Interview) -> None:
    cancel(session, session.get_one(Interview, ana.id), now=town.now)
    town.reconcile(session, ana.subscriber_id)


def is_paused(session: Session, town: Town, ana: Interview) -> None:
    pause(session, session.get_one(Campaign, SEQUENCE, with_for_update=True), now=town.now)


def is_not_for_her_any_more(session: Session, town: Town, _ana: Interview) -> None:
    """Another version of the campaign is applied; nobody has planned her again yet."""
    files = town.catalog.files(SEQUENCE)
    timetable = files.texts["sequence.toml"]
    of_step = timetable.index('key      = "details"')
    changed = timetable[:of_step] + "when = \"interview.mode == 'phone'\"\n" + timetable[of_step:]
    texts = {**files.texts, "sequence.toml": changed}
    base = session.get_one(Campaign, SEQUENCE).number
    publish(session, SEQUENCE, CampaignFiles(SEQUENCE, texts, version_of(texts)), base=base, now=town.now)


def _move(session: Session, town: Town, ana: Interview, *, days: int) -> None:
    found = session.get_one(Interview, ana.id)
    day = found.held_on + timedelta(days=days)
    move(session, found, held_on=day, start_time=found.start_time, zone=found.zone, now=town.now)
    town.reconcile(session, ana.subscriber_id)


def moves_later(session: Session, town: Town, ana: Interview) -> None:
    _move(session, town, ana, days=7)


def moves_earlier(session: Session, town: Town, ana: Interview) -> None:
    _move(session, town, ana, days=-2)


def moves_to_tomorrow(session: Session, town: Town, ana: Interview) -> None:
    _move(session, town, ana, days=-6)


GOODBYES: tuple[Act, ...] = (leaves, goes_for_good, is_suppressed_by_the_operator, complains)
STOPS: tuple[Act, ...] = (cancels, is_paused, is_not_for_her_any_more)
MOVES: tuple[Act, ...] = (moves_later, moves_earlier, moves_to_tomorrow)
ACTS = (*GOODBYES, *STOPS, *MOVES)


@dataclass
class Meeting:
    """At `point`, once, `act` happens on another connection. `was_first`: it was committed before the worker
    went on."""

    town: Town
    other: Database
    ana: Interview
    point: str
    act: Act
    was_first: bool = False
    was_reached: bool = False
    errors: list[BaseException] = field(default_factory=list)
    _thread: threading.Thread | None = None

    def reaches(self, point: str) -> None:
        if point != self.point or self.was_reached:
            return
        self.was_reached = True
        self._thread = threading.Thread(target=self._act)
        self._thread.start()
        self._thread.join(A_MOMENT if point in WITHIN_A_TRANSACTION else 30)
        self.was_first = not self._thread.is_alive()

    def finish(self) -> None:
        """Both went through: no deadlock, no error."""
        assert self.was_reached, f"the worker never came to {self.point!r}"
        assert self._thread is not None
        self._thread.join(30)
        assert not self._thread.is_alive(), "it still waits"
        assert not self.errors, self.errors

    def _act(self) -> None:
        try:
            with self.other.write() as session:
                self.act(session, self.town, self.ana)
        except BaseException as error:
            self.errors.append(error)


class HeldDatabase(DoomedDatabase):
    """Also says when a state is about to be written, with all locks of its transaction held."""

    def _note(self, *call: Any) -> None:
        before = self.written
        super()._note(*call)
        if self.written and self.written != before:
            self.fate.reaches(f"before the {self.written} is written")


class HeldComposer(Composer):
    meeting: Meeting

    def compose(self, draft: Draft, *, now: datetime) -> Composed:
        made = super().compose(draft, now=now)
        type(self).meeting.reaches("while rendering")
        return made


@dataclass
class HeldProvider:
    """Its `letters` are all it was asked to send."""

    provider: Provider
    meeting: Meeting
    letters: list[Email] = field(default_factory=list)
    name: str = "outbox"

    def deliver(self, email: Email) -> Accepted:
        self.meeting.reaches("before the call")
        self.letters.append(email)
        accepted = self.provider.deliver(email)
        self.meeting.reaches("after the answer")
        return accepted

    def was_accepted(self, reference: str, attempt: int) -> bool | None:
        found: bool | None = self.provider.was_accepted(reference, attempt)  # type: ignore[attr-defined]
        return found

    def close(self) -> None:
        """The provider is the town's."""


@contextmanager
def held(town: Town, database: HeldDatabase, meeting: Meeting) -> Iterator[HeldProvider]:
    """The town's workers meet `meeting`; what they send is in the provider's letters."""
    provider = HeldProvider(town.provider, meeting)
    database.watch(meeting)  # type: ignore[arg-type]  # it is one: it is told of points
    plain = composer(town.catalog)
    writer = HeldComposer(catalog=plain.catalog, links=plain.links, brand=plain.brand, sender=plain.sender)
    HeldComposer.meeting = meeting
    worker = town.worker(database=database, provider=provider, composer=writer)
    worker.tick()
    meeting.finish()
    worker.tick()
    yield provider
