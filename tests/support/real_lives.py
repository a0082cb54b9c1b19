"""Simulated lives for real: a database, the rooms' own doors, a real worker. The oracle of the simulation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.orm import Session

from delivery.email import Email
from delivery.provider import Accepted
from runup.application import Application
from runup.database import upgrade
from runup.demo.clock import VirtualClock
from runup.settings import Settings
from runup.simulation import Life, Outage
from scheduler import Send, Worker, reconcile, release_brake
from subscribers import (
    Interview,
    Outcome,
    cancel,
    confirm,
    move,
    sign_up,
    tell_outcome,
    unsubscribe,
)

KEY = "k" * 40
Waiting = list[tuple[datetime, partial[None]]]


class Nowhere:
    """A provider that takes everything and keeps nothing."""

    name = "simulation"

    def deliver(self, email: Email) -> Accepted:
        return Accepted()

    def close(self) -> None:
        pass


@dataclass
class Neighbor:
    """An Actor whose facts are rows."""

    session: Session
    interview: Interview

    def move(self, held_on: date, now: datetime) -> None:
        its = self.interview
        move(self.session, its, held_on=held_on, start_time=its.start_time, zone=its.zone, now=now)

    def cancel(self, now: datetime) -> None:
        cancel(self.session, self.interview, now=now)

    def tell(self, outcome: Outcome, now: datetime) -> None:
        tell_outcome(self.session, self.interview, outcome, now=now)

    def unsubscribe(self, now: datetime) -> None:
        unsubscribe(self.session, self.interview.subscriber, now=now)


@dataclass
class RealTown:
    """People on their way through one campaign, in the order in which they joined."""

    application: Application
    clock: VirtualClock
    worker: Worker
    campaign: str
    outages: tuple[Outage, ...] = ()
    people: list[int] = field(default_factory=list)
    stops: list[datetime] = field(default_factory=list)
    """When the worker had stopped because so much would have ended at once, and was let go."""

    def live(self, lives: list[Life], *, until: datetime) -> list[list[Send]]:
        """Their sends, person by person. The clock goes from one moment to the next, without a grid."""
        events: Waiting = [(life.joins_at, partial(self._join, life)) for life in lives]
        self.events = sorted(events, key=lambda event: event[0])
        while True:
            due = self._at_work(self._next_due())
            if self.events and (due is None or self.events[0][0] <= due):
                at, act = self.events.pop(0)
                self.clock.advance_to(at)
                act()
            elif due is not None and due <= until:
                self.clock.advance_to(due)
            else:
                break
            if not any(outage.began_at <= self.clock() < outage.ended_at for outage in self.outages):
                self._tick()
        with self.application.database.read() as session:
            everything = list(session.scalars(select(Send).order_by(Send.id)))
            session.expunge_all()
        return [[send for send in everything if send.subscriber_id == who] for who in self.people]

    def _next_due(self) -> datetime | None:
        moment = self.worker.next_due()
        return moment and max(moment, self.clock() + timedelta(seconds=1))

    def _at_work(self, moment: datetime | None) -> datetime | None:
        for outage in self.outages:
            if moment is not None and outage.began_at <= moment < outage.ended_at:
                return outage.ended_at
        return moment

    def _tick(self) -> None:
        if self.worker.tick().held:
            self.stops.append(self.clock())
            with self.application.database.write() as session:
                release_brake(session, now=self.clock())
            assert not self.worker.tick().held

    def _join(self, life: Life) -> None:
        now = self.clock()
        with self.application.database.write() as session:
            interview = sign_up(
                session, life.form, campaign=self.campaign, hmac_key=self.application.hmac_key, now=now,
                source="simulation",
            )  # fmt: skip
            interview = confirm(session, interview, now=now)
            reconcile(session, interview.subscriber_id, catalog=self.application.catalog, now=now)
            self.people.append(interview.subscriber_id)
            later = [(at, partial(self._act, interview.id, act)) for at, act in life.acts if at > now]
        self.events = sorted([*self.events, *later], key=lambda event: event[0])

    def _act(self, interview_id: int, act: object) -> None:
        with self.application.database.write() as session:
            interview = session.get(Interview, interview_id)
            assert interview is not None, "they signed up"
            act(Neighbor(session, interview), self.clock())  # type: ignore[operator]
            reconcile(session, interview.subscriber_id, catalog=self.application.catalog, now=self.clock())


@contextmanager
def real_town(
    folder: Path,
    *,
    campaign: str,
    start: datetime,
    outages: tuple[Outage, ...] = (),
    templates: Path | None = None,
) -> Iterator[RealTown]:
    settings = Settings(
        home=folder,
        database=f"sqlite:///{folder / 'town.db'}",
        secret_keys=(SecretStr(KEY),),
        suppression_key=SecretStr(KEY),
        concurrency=1,
        templates=templates,
    )
    clock = VirtualClock(start)
    application = Application.open(settings, clock=clock)
    upgrade(application.database)
    worker = application.worker(Nowhere())
    try:
        yield RealTown(application, clock, worker, campaign, outages)
    finally:
        worker.close()
        application.close()
