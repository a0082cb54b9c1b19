"""A whole life of a campaign in seconds: real rows, real worker, a virtual clock, and nothing leaves."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy.orm import Session

from delivery.email import Email
from delivery.provider import Accepted, Provider
from runup.application import Application
from runup.database import upgrade
from runup.demo.clock import VirtualClock
from runup.settings import Settings
from scheduler import Worker, reconcile
from subscribers import Interview, SignUp, confirm, sign_up

GRID = timedelta(minutes=5)
"""With many people the clock goes on by at least so much, or it would stop for each one's minute."""
MOST_PEOPLE_ONE_BY_ONE = 5


class Nowhere:
    """A provider that takes everything and keeps nothing."""

    name = "simulation"

    def deliver(self, email: Email) -> Accepted:  # noqa: ARG002 - the Provider's signature
        return Accepted()

    def close(self) -> None:
        pass


Act = Callable[[Session, Interview, datetime], object]
Events = list[tuple[datetime, Callable[[], "Events"]]]


@dataclass(frozen=True, kw_only=True)
class Life:
    """One person: what they type when they sign up, and what they do later. Moments are aware UTC."""

    form: SignUp
    joins_at: datetime
    acts: tuple[tuple[datetime, Act], ...] = ()


@dataclass(frozen=True)
class Outage:
    """A time in which no worker runs."""

    began_at: datetime
    ended_at: datetime


@dataclass
class Simulation:
    """People on their way through one campaign. `run` yields the moment of the clock after every step."""

    application: Application
    clock: VirtualClock
    worker: Worker
    campaign: str
    outages: tuple[Outage, ...] = ()
    people: list[int] = field(default_factory=list)
    """The ids of those who have signed up, in the order of `lives`."""

    def run(self, lives: Iterable[Life], *, until: datetime) -> Iterator[datetime]:
        ordered = sorted(lives, key=lambda life: life.joins_at)
        events: Events = [(life.joins_at, partial(self._join, life)) for life in ordered]
        grid = GRID if len(ordered) > MOST_PEOPLE_ONE_BY_ONE else timedelta(seconds=1)
        while True:
            due = self._at_work(self.worker.next_due())
            if events and (due is None or events[0][0] <= due):
                self.clock.advance_to(events[0][0])
                events = _sorted(events[1:], events[0][1]())
            elif due is not None and due <= until:
                self.clock.advance_to(max(due, self._at_work(self.clock() + grid) or due))
            else:
                return
            if not any(outage.began_at <= self.clock() < outage.ended_at for outage in self.outages):
                self.worker.tick()
            yield self.clock()

    def _at_work(self, moment: datetime | None) -> datetime | None:
        """`moment`, or the end of the outage it falls into."""
        for outage in self.outages:
            if moment is not None and outage.began_at <= moment < outage.ended_at:
                return outage.ended_at
        return moment

    def _join(self, life: Life) -> Events:
        """They sign up and confirm at once. Returns what they will do later."""
        now = self.clock()
        with self.application.database.write() as session:
            interview = sign_up(
                session,
                life.form,
                campaign=self.campaign,
                hmac_key=self.application.hmac_key,
                now=now,
                source="simulation",
            )
            interview = confirm(session, interview, now=now)
            reconcile(session, interview.subscriber_id, catalog=self.application.catalog, now=now)
            self.people.append(interview.subscriber_id)
        return [(at, partial(self._act, interview.id, act)) for at, act in life.acts if at > now]

    def _act(self, interview_id: int, act: Act) -> Events:
        with self.application.database.write() as session:
            interview = session.get(Interview, interview_id)
            assert interview is not None, "they signed up"
            act(session, interview, self.clock())
            reconcile(session, interview.subscriber_id, catalog=self.application.catalog, now=self.clock())
        return []


def _sorted(events: Events, new: Events) -> Events:
    return sorted([*events, *new], key=lambda event: event[0]) if new else events


@contextmanager
def simulation(
    settings: Settings,
    *,
    campaign: str,
    start: datetime,
    outages: Iterable[Outage] = (),
    provider: Provider | None = None,
) -> Iterator[Simulation]:
    """A campaign of this workspace on a database of its own that is gone afterwards."""
    # What is thrown away need not be safe from a power loss: memory, where the machine has it as a folder.
    memory = Path("/dev/shm")  # noqa: S108 - mkdtemp makes a folder of our own in it
    with tempfile.TemporaryDirectory(prefix="runup-", dir=memory if memory.is_dir() else None) as folder:
        clock = VirtualClock(start)
        application = Application.open(_apart(settings, Path(folder)), clock=clock)
        upgrade(application.database)
        worker = application.worker(provider or Nowhere())
        try:
            yield Simulation(application, clock, worker, campaign, tuple(outages))
        finally:
            worker.close()
            application.close()


def _apart(settings: Settings, folder: Path) -> Settings:
    """The settings with nothing that could reach anybody: another database, other keys, no provider."""
    key = SecretStr(secrets.token_urlsafe(32))
    return settings.model_copy(
        update={
            "database": f"sqlite:///{folder / 'simulation.db'}",
            "secret_keys": (key,),
            "suppression_key": key,
            "provider": "outbox",
            "outbox": folder / "outbox",
            "concurrency": 1,
        }
    )
