from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns.enrollment import register
from campaigns.rendering import RenderError
from delivery.email import Email
from delivery.provider import Accepted, AccountRefused, DeliveryError, NotSent, Provider
from runup.database import Database
from scheduler import doubt
from scheduler.claiming import GUARD, claim, intend, release
from scheduler.composing import Composed, Composer, Draft, read_drafts
from scheduler.outcomes import Outcome, record, record_render_error
from scheduler.reconcile import reconcile
from scheduler.send import Attempt, Heartbeat, Send, State
from scheduler.sweeping import brake, out_of_date, recover_leases

log = structlog.get_logger(__name__)

CLOSED_FOR = timedelta(seconds=30)
FAILURES_TO_CLOSE = 5


@dataclass
class Tally:
    """What one tick did."""

    accepted: int = 0
    failed: int = 0
    planned_again: int = 0
    held: str = ""
    """Why nothing was claimed, in plain words; empty when that was not so."""


@dataclass(kw_only=True)
class Worker:
    """Sends what is due: claim, last checks and intent, deliver, record.

    Any number of workers share one PostgreSQL; on SQLite there is one process. A worker may be killed at any
    instruction: what it had claimed is planned again, what it may have sent is in doubt. `clock` gives aware
    UTC; `concurrency` is the number of calls in flight at once, 1 makes everything happen in order.
    """

    database: Database
    provider: Provider
    composer: Composer
    clock: Callable[[], datetime]
    concurrency: int = 32
    stopwatch: Callable[[], float] = time.monotonic
    token: Callable[[], str] = lambda: secrets.token_hex(16)
    boot: str = field(default_factory=lambda: secrets.token_hex(8))
    _stopping: Event = field(default_factory=Event)
    _closed_until: datetime | None = None
    _failures: int = 0
    _note: str = ""
    _started_at: datetime | None = None
    _pool: ThreadPoolExecutor | None = None

    def tick(self) -> Tally:
        """Do everything there is to do now. Call it again a little later; calling it too often does no harm."""
        tally = Tally()
        self._beat()
        with self.database.write() as session:
            recover_leases(session, now=self.clock())
        self._settle_doubt()
        tally.held = self._plan_again(tally)
        if not tally.held:
            tally.held = self._deliver_due(tally)
        self._note = tally.held
        return tally

    def stop(self) -> None:
        """Claim nothing more. The tick under way ends when its calls have answered (at most 20 s)."""
        self._stopping.set()

    def close(self) -> None:
        if self._pool:
            self._pool.shutdown(wait=True)
        self.provider.close()

    def next_due(self) -> datetime | None:
        """The earliest moment at which there may be something to do; None when nothing waits."""
        with self.database.read() as session:
            waiting = select(func.min(Send.ready_at)).where(Send.state.in_((State.PLANNED, State.RETRY_WAIT)))
            return session.scalar(waiting)

    # -- before anything is claimed ---------------------------------------------------------------------

    def _beat(self) -> None:
        now = self.clock()
        self._started_at = self._started_at or now
        with self.database.write() as session:
            session.merge(
                Heartbeat(
                    worker=self.boot,
                    host=socket.gethostname()[:128],
                    pid=os.getpid(),
                    started_at=self._started_at,
                    last_tick_at=now,
                    note=self._note[:300],
                )
            )
            for key in self.composer.catalog.keys():
                register(session, self.composer.catalog.sequence(key), now=now)

    def _settle_doubt(self) -> None:
        with self.database.read() as session:
            waiting = doubt.in_doubt(session)
        for send in waiting:
            evidence = doubt.evidence_of(self.provider, send)
            if evidence is None and self.clock() < doubt.deadline(send):
                continue
            with self.database.write() as session:
                locked = session.get(Send, send.id, with_for_update=True)
                if locked:
                    doubt.settle(session, locked, evidence=evidence, now=self.clock())

    def _plan_again(self, tally: Tally) -> str:
        while not self._stopping.is_set():
            with self.database.write() as session:
                hold = brake(session, now=self.clock())
                if hold is not None:
                    return hold.detail
                ids = out_of_date(session, now=self.clock(), most=200)
            for subscriber_id in ids:
                self._reconcile(subscriber_id)
            tally.planned_again += len(ids)
            if len(ids) < 200:
                return ""
        return ""

    def _reconcile(self, subscriber_id: int) -> None:
        with self.database.write() as session:
            reconcile(session, subscriber_id, catalog=self.composer.catalog, now=self.clock())

    # -- claim -> intent -> deliver -> record -------------------------------------------------------------

    def _deliver_due(self, tally: Tally) -> str:
        """Batch by batch: the next one is prepared while this one is on the wire."""
        seen: set[int] = set()
        flying: _Flight | None = None
        while True:
            held = self._closed()
            batch = None if held or self._stopping.is_set() else self._prepare(seen)
            following = self._launch(batch) if batch else None
            if flying:
                self._land(flying, tally)
            flying = following
            if flying is None:
                return held

    def _closed(self) -> str:
        if self._closed_until and self.clock() < self._closed_until:
            return f"the {self.provider.name} provider refuses us; trying again in a moment"
        return ""

    def _prepare(self, seen: set[int]) -> _Batch | None:
        """Claim, render, and write the intent; None when nothing is due. A send is tried once per tick."""
        while not self._stopping.is_set():
            token, now = self.token(), self.clock()
            with self.database.write() as session:
                ids = claim(session, token=token, most=self.concurrency * 2, now=now, excluding=seen)
            if not ids:
                return None
            seen.update(ids)
            with self.database.read() as session:
                drafts = read_drafts(session, ids, catalog=self.composer.catalog)
            composed = self._compose(drafts, token=token, now=now)
            passed = self._intend(ids, composed, token=token)
            if passed.emails:
                return passed
        return None

    def _compose(self, drafts: Iterable[Draft], *, token: str, now: datetime) -> list[Composed]:
        composed = []
        for draft in drafts:
            try:
                composed.append(self.composer.compose(draft, now=now))
            except RenderError as error:
                # Poison: it would fail again for this person; nobody else is concerned.
                log.error("render_error", send=draft.send_id, step=draft.step, error=str(error))
                with self.database.write() as session:
                    record_render_error(session, draft.send_id, str(error), token=token, now=self.clock())
        return composed

    def _intend(self, ids: list[int], composed: list[Composed], *, token: str) -> _Batch:
        now = self.clock()
        ready = {c.send_id: c.email for c in composed if now < c.true_until}
        with self.database.write() as session:
            gaps = {key: self.composer.catalog.sequence(key).gap for key in self._campaigns(session, ready)}
            passed = set(intend(session, list(ready), token=token, gaps=gaps, now=now))
            session.add_all(
                Attempt(
                    send_id=identity,
                    number=ready[identity].attempt,
                    worker=self.boot,
                    provider=self.provider.name,
                    intent_at=now,
                )
                for identity in passed
            )
            failed = [identity for identity in ids if identity not in passed]
            release(session, failed, token=token)
            stale = set(session.scalars(select(Send.subscriber_id).where(Send.id.in_(failed))))
        for subscriber_id in stale:
            self._reconcile(subscriber_id)
        emails = {identity: email for identity, email in ready.items() if identity in passed}
        return _Batch(token=token, emails=emails, intended=self.stopwatch())

    @staticmethod
    def _campaigns(session: Session, ids: Iterable[int]) -> list[str]:
        return list(session.scalars(select(Send.campaign).where(Send.id.in_(list(ids))).distinct()))

    def _launch(self, batch: _Batch) -> _Flight:
        if self.concurrency == 1:
            return _Flight(
                batch, {identity: _done(self._call(batch, email)) for identity, email in batch.emails.items()}
            )
        self._pool = self._pool or ThreadPoolExecutor(self.concurrency, thread_name_prefix="deliver")
        return _Flight(
            batch,
            {
                identity: self._pool.submit(self._call, batch, email)
                for identity, email in batch.emails.items()
            },
        )

    def _call(self, batch: _Batch, email: Email) -> Outcome:
        """One call, and nothing but an outcome comes back. A machine that slept makes no call at all."""
        if self.stopwatch() - batch.intended > GUARD.total_seconds():
            return Outcome.failed(NotSent("too much time passed after the last checks"))
        try:
            accepted: Accepted = self.provider.deliver(email)
        except DeliveryError as error:
            return Outcome.failed(error)
        except Exception as error:  # a provider that lies about its errors leaves us in doubt, not dead
            log.exception("provider_bug", provider=self.provider.name, error=type(error).__name__)
            return Outcome(kind="U", error=type(error).__name__)
        return Outcome(kind="ok", status=accepted.status, message_id=accepted.message_id)

    def _land(self, flight: _Flight, tally: Tally) -> None:
        outcomes = {identity: future.result() for identity, future in flight.calls.items()}
        with self.database.write() as session:
            record(session, outcomes, token=flight.batch.token, now=self.clock())
        for outcome in outcomes.values():
            self._failures = 0 if outcome.kind in ("ok", "R") else self._failures + 1
            if outcome.kind == AccountRefused.kind or self._failures >= FAILURES_TO_CLOSE:
                self._closed_until = self.clock() + CLOSED_FOR
                log.error(
                    "provider_refuses", provider=self.provider.name, kind=outcome.kind, error=outcome.error
                )
        tally.accepted += sum(outcome.kind == "ok" for outcome in outcomes.values())
        tally.failed += sum(outcome.kind != "ok" for outcome in outcomes.values())


@dataclass(frozen=True)
class _Batch:
    token: str
    emails: dict[int, Email]
    intended: float


@dataclass(frozen=True)
class _Flight:
    batch: _Batch
    calls: dict[int, Future[Outcome]]


def _done(outcome: Outcome) -> Future[Outcome]:
    future: Future[Outcome] = Future()
    future.set_result(outcome)
    return future
