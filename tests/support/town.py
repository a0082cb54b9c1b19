"""People who sign up, a clock that moves when told to, and workers that send."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns import Brand, Catalog, publish
from campaigns.enrollment import Campaign, pause, resume
from campaigns.source_files import CampaignFiles
from delivery import Provider
from runup.database import Database
from scheduler import Composer, Line, Send, Sender, State, Tally, Worker, outlook, reconcile
from subscribers import Interview, Links, SignUp, Subscriber, confirm, move, sign_up, unsubscribe

KEY = b"the tests' own key"
BRAND = Brand(name="runup", postal_address="1 Example Street", site_url="https://runup.example.com")
SEQUENCE = "second_interview"
MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
"""Ten in the morning in Berlin, eleven days before Friday 4 December."""


@dataclass
class Town:
    """One database, one campaign, one provider. `now` is the only clock."""

    database: Database
    catalog: Catalog
    provider: Provider
    now: datetime = MONDAY
    workers: list[Worker] = field(default_factory=list)

    # -- people -------------------------------------------------------------------------------------------

    def ana(self, **form: str) -> Interview:
        """Ana in Berlin, confirmed, with an interview on Friday 4 December at 14:00."""
        return self.person("ana", **form)

    def person(self, name: str, **form: str) -> Interview:
        with self.write() as session:
            interview = self._sign_up(session, name, form)
            confirm(session, interview, now=self.now)
            reconcile(session, interview.subscriber_id, catalog=self.catalog, now=self.now)
        return interview

    def stranger(self, name: str, **form: str) -> Interview:
        """Signed up and not confirmed."""
        with self.write() as session:
            interview = self._sign_up(session, name, form)
            reconcile(session, interview.subscriber_id, catalog=self.catalog, now=self.now)
        return interview

    def people(self, count: int, **form: str) -> list[Interview]:
        """Many like Ana, in one transaction."""
        with self.write() as session:
            interviews = [self._sign_up(session, f"person{number}", form) for number in range(count)]
            for interview in interviews:
                confirm(session, interview, now=self.now)
                reconcile(session, interview.subscriber_id, catalog=self.catalog, now=self.now)
        return interviews

    def _sign_up(self, session: Session, name: str, form: dict[str, str]) -> Interview:
        values = {
            "email": f"{name}@example.com",
            "first_name": name.capitalize(),
            "interview_date": "2026-12-04",
            "interview_time": "14:00",
            "home_zone": "Europe/Berlin",
            "mode": "video",
            "consent": "yes",
        }
        parsed = SignUp.parse(values | form, now=self.now)
        return sign_up(session, parsed, campaign=SEQUENCE, hmac_key=KEY, now=self.now, source="form")

    def move(self, interview: Interview, to: str) -> None:
        with self.write() as session:
            found = session.get_one(Interview, interview.id)
            day = date.fromisoformat(to)
            move(session, found, held_on=day, start_time=found.start_time, zone=found.zone, now=self.now)
            self.reconcile(session, found.subscriber_id)

    def unsubscribe(self, interview: Interview) -> None:
        with self.write() as session:
            unsubscribe(session, session.get_one(Subscriber, interview.subscriber_id), now=self.now)
            self.reconcile(session, interview.subscriber_id)

    def reconcile(self, session: Session, subscriber_id: int) -> None:
        reconcile(session, subscriber_id, catalog=self.catalog, now=self.now)

    def pause(self) -> None:
        with self.write() as session:
            assert pause(session, session.get_one(Campaign, SEQUENCE), now=self.now)

    def resume(self) -> None:
        with self.write() as session:
            assert resume(session, session.get_one(Campaign, SEQUENCE), now=self.now)

    def apply(self, files: CampaignFiles | None = None) -> int:
        """These files, or those on the shelf as they are now, become the next version; returns its number."""
        with self.write() as session:
            base = session.get_one(Campaign, SEQUENCE).number
            files = files or self.catalog.files(SEQUENCE)
            return publish(session, SEQUENCE, files, base=base, now=self.now).number

    # -- time and work ------------------------------------------------------------------------------------

    def at(self, moment: str) -> Town:
        """Set the clock, in Berlin's winter time."""
        self.now = datetime.fromisoformat(f"{moment}+01:00").astimezone(UTC)
        return self

    def later(self, **span: float) -> Town:
        self.now += timedelta(**span)
        return self

    def worker(self, **changes: Any) -> Worker:
        values: dict[str, Any] = {
            "database": self.database,
            "provider": self.provider,
            "composer": composer(self.catalog),
            "clock": lambda: self.now,
            # The hour of the town: what a round may take is not a matter of how busy this machine is.
            "stopwatch": lambda: self.now.timestamp(),
            "concurrency": 1,
        }
        self.workers.append(Worker(**(values | changes)))
        return self.workers[-1]

    def tick(self, **changes: Any) -> Tally:
        return self.worker(**changes).tick()

    def tick_until(self, moment: str, *, every: timedelta = timedelta(hours=1)) -> None:
        """As a worker that never stopped would have: it ticks whenever something is due, and every hour."""
        worker, end = self.worker(), datetime.fromisoformat(f"{moment}+01:00").astimezone(UTC)
        while self.now < end:
            worker.tick()
            coming = worker.next_due() or end
            self.now = min(max(coming, self.now + timedelta(seconds=1)), self.now + every, end)
        worker.tick()

    def close(self) -> None:
        for worker in self.workers:
            worker.close()
        self.provider.close()

    # -- looking ------------------------------------------------------------------------------------------

    @contextmanager
    def write(self) -> Iterator[Session]:
        with self.database.write() as session:
            yield session

    def sends(self, *steps: str, **having: Any) -> list[Send]:
        with self.database.read() as session:
            found = select(Send).filter_by(**having).order_by(Send.due_at, Send.id)
            return list(session.scalars(found.where(Send.step.in_(steps)) if steps else found))

    def send(self, step: str) -> Send:
        """The newest row of that step; there must be one."""
        return max(self.sends(step), key=lambda send: (send.occurrence, send.id))

    def states(self) -> dict[str, int]:
        with self.database.read() as session:
            rows = session.execute(select(Send.state, func.count()).group_by(Send.state)).all()
            return {str(state): count for state, count in rows}

    def left(self) -> list[str]:
        """The steps that have left, in their order."""
        with self.database.read() as session:
            accepted = select(Send.step).where(Send.state == State.ACCEPTED).order_by(Send.left_at, Send.id)
            return list(session.scalars(accepted))

    def outlook(self, interview: Interview) -> list[Line]:
        with self.database.read() as session:
            return outlook(session, interview.subscriber_id, catalog=self.catalog)

    def snapshot(self) -> list[dict[str, Any]]:
        """Every value of every send, but for when planning last looked."""
        columns = [column for column in Send.__table__.columns if column.name != "planned_at"]
        with self.database.read() as session:
            return [dict(row) for row in session.execute(select(*columns).order_by(Send.id)).mappings()]


def composer(catalog: Catalog) -> Composer:
    return Composer(
        catalog=catalog,
        links=Links(["the tests' own secret"], BRAND.site_url),
        brand=BRAND,
        sender=Sender(address="hello@runup.example.com", name="runup"),
    )
