from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from threading import Event

import structlog
from sqlalchemy.orm import Session

from delivery.provider import Provider
from runup.database import Database
from scheduler.braking import brake
from scheduler.bucket import Bucket
from scheduler.clock_guard import ClockGuard
from scheduler.composing import Composer
from scheduler.damage import DamageWatch
from scheduler.gate import Gate
from scheduler.heartbeat import Pulse
from scheduler.horizon import next_moment
from scheduler.journal import Journal
from scheduler.listening import Listener
from scheduler.outcomes import NOT_CALLED, OK
from scheduler.preparing import Preparer
from scheduler.recording import Recorder
from scheduler.replanning import Replanner
from scheduler.shelf import Shelf
from scheduler.sweeping import recover_leases
from scheduler.tending import Tender
from scheduler.transaction import transact
from scheduler.wire import Wire, since_boot

log = structlog.get_logger(__name__)

ROUND = 10.0
"""Seconds after which a worker with a long backlog looks up: sign of life, leases, plans, ends."""


@dataclass
class Tally:
    """What one tick did."""

    accepted: int = 0
    failed: int = 0
    planned_again: int = 0
    held: str = ""
    """Why nothing was claimed, in plain words; empty when that was not so."""
    rest: float = 0.0
    """Seconds after which more may leave, when only the rate was in the way."""


@dataclass(kw_only=True)
class Worker:
    """Sends what is due: claim, write, last checks and intent, deliver, record.

    Any number of workers share one PostgreSQL; on SQLite there is one process. A worker may be killed at any
    instruction: what it had claimed is planned again, what it may have sent is in doubt. `clock` gives aware
    UTC; `concurrency` is the number of calls in flight at once, 1 makes everything happen in order; `batch`
    is how many sends share a transaction, half of the concurrency unless told.
    """

    database: Database
    provider: Provider
    composer: Composer
    clock: Callable[[], datetime]
    journal: Journal | None = None
    """Where answers are kept should the database not take them; None keeps them in memory only."""
    canary_address: str = ""
    """The operator's own; empty: no canary is ever sent."""
    guard: ClockGuard | None = None
    """Doubts the clock when it jumps, and is `clock` itself then; None believes it."""
    space: Callable[[], str] = lambda: ""
    """Why there is no room to write an intent down; empty while there is."""
    concurrency: int = 32
    batch: int | None = None
    rate: float = 0.0
    """Emails a second over all workers of this database; 0 for no limit."""
    stopwatch: Callable[[], float] = since_boot
    token: Callable[[], str] = lambda: secrets.token_hex(16)
    boot: str = field(default_factory=lambda: secrets.token_hex(8))
    alive_at: float = field(init=False)
    """The stopwatch when something was last finished, for the watchdog."""
    _stopping: Event = field(default_factory=Event)
    _is_behind: bool = False
    """There may be more that an older version planned."""

    def __post_init__(self) -> None:
        self.alive_at = self.stopwatch()

    def tick(self) -> Tally:
        """Do everything there is to do now. Call it again a little later; calling it too often does no harm.

        Raises what the database raises; the next tick goes on where this one was."""
        tally = Tally()
        with self._damage:
            while self._round(tally):
                self._sign()
        self._sign()
        self._pulse.note = tally.held or self._shelf.note
        if self._pulse.is_news:
            transact(self.database, self._beat)
        return tally

    def stop(self) -> None:
        """Claim nothing more. The tick under way ends when its calls have answered (at most 20 s)."""
        self._stopping.set()

    def close(self) -> None:
        """Wait for calls under way, write down what they came to, and give everything back."""
        self._stopping.set()
        try:
            self._land_all(Tally())
            self._preparer.pay_back()
        except Exception:
            # The rows say what was intended; whoever starts next finds them in doubt.
            log.exception("answers_not_recorded", answers=len(self._recorder))
        self._wire.close()
        self.provider.close()

    def next_due(self) -> datetime | None:
        """The earliest moment at which there may be something to do; None when nothing waits.

        It may lie in the past: for what is due and cannot leave at the moment."""
        with self.database.read() as session:
            moment = next_moment(session, now=self.clock())
        probe_at = self._gate.reading.probe_at
        return max(moment, probe_at) if moment and probe_at else moment

    # -- a round: what must be right before anything is claimed, then the sending itself ------------------

    def _round(self, tally: Tally) -> bool:
        """Returns whether there is more to do at once."""
        if self._damage.words:
            tally.held = self._damage.words
            return False
        transact(self.database, self._beat)
        self._recorder.write_down()
        if self.guard is not None and (why := self.guard.look(self.database)):
            tally.held = why
            return False
        self._preparer.forget()
        self._preparer.pay_back()
        transact(self.database, lambda session: recover_leases(session, now=self.clock()))
        self._listener.listen()
        self._is_behind = False
        tally.held = self._plan(tally) or self.space()
        # What concerns many (a version, an issue) is planned between the emails of everybody else.
        return self._send(tally) or self._is_behind

    def _sign(self) -> None:
        self.alive_at = self.stopwatch()

    def _beat(self, session: Session) -> None:
        now = self.clock()
        self._shelf.look(session, now=now)
        self._gate.look(session)
        self._pulse.beat(session, now=now)

    def _plan(self, tally: Tally) -> str:
        hold = transact(self.database, lambda session: brake(session, now=self.clock()))
        if hold is not None:
            return hold.detail  # and plan nothing again: to plan is to let expire
        changed, are_left = self._replanner.out_of_date(seconds=ROUND / 2)
        tally.planned_again += changed + self._replanner.patrol()
        of_old = self._replanner.of_old_versions(seconds=ROUND / 2)
        tally.planned_again += of_old
        self._is_behind = self._tender.tend() or of_old > 0 or are_left
        return ""

    def _send(self, tally: Tally) -> bool:
        """Batch by batch; the next one is prepared while others are on the wire."""
        began, held_by_brake = self.stopwatch(), tally.held
        while True:
            is_late = self.stopwatch() - began > ROUND
            room = 0 if held_by_brake or is_late else self._room()
            calls = self._preparer.calls(room) if room else []
            self._gate.launched(len(calls))
            self._wire.launch(calls)
            tally.planned_again += self._preparer.plan_again()
            if not self._wire.flying:
                tally.held = held_by_brake or self._gate.held(now=self.clock())
                tally.rest = 0.0 if held_by_brake else self._gate.rest(now=self.clock())
                return is_late and not self._stopping.is_set()
            if not calls or not self._wire.free:
                self._land(tally)

    def _room(self) -> int:
        free = self._gate.room(self._wire.free, flying=self._wire.flying, now=self.clock())
        has_no_time = self.guard is not None and self.guard.is_frozen
        return 0 if self._stopping.is_set() or has_no_time else min(free, self._most)

    @property
    def _most(self) -> int:
        return self.batch or max(self.concurrency // 2, 1)

    def _land(self, tally: Tally) -> None:
        answers = self._wire.land(most=self._most)
        self._recorder.keep(answers)
        for answer in answers:
            tally.accepted += answer.outcome.kind == OK
            tally.failed += answer.outcome.kind not in (OK, NOT_CALLED)
        self._recorder.write_down()
        self._sign()

    def _land_all(self, tally: Tally) -> None:
        while self._wire.flying:
            self._land(tally)
        self._recorder.write_down()

    # -- the parts ----------------------------------------------------------------------------------------

    @cached_property
    def _wire(self) -> Wire:
        size = max(self.concurrency, self.batch or 1)
        return Wire(self.provider, threads=self.concurrency, size=size, stopwatch=self.stopwatch)

    @cached_property
    def _listener(self) -> Listener:
        return Listener.of(
            self.database,
            self.provider,
            self.clock,
            journal=self.journal,
            sender=self.composer.sender,
            canary_address=self.canary_address,
            progress=self._sign,
        )

    @cached_property
    def _gate(self) -> Gate:
        name = self.provider.name
        return Gate(provider=name, bucket=Bucket(name=name, rate=self.rate))

    @cached_property
    def _recorder(self) -> Recorder:
        return Recorder(database=self.database, gate=self._gate, clock=self.clock, journal=self.journal)

    @cached_property
    def _damage(self) -> DamageWatch:
        return DamageWatch(database=self.database, clock=self.clock)

    @cached_property
    def _pulse(self) -> Pulse:
        return Pulse(boot=self.boot)

    @cached_property
    def _shelf(self) -> Shelf:
        return Shelf(catalog=self.composer.catalog)

    @cached_property
    def _replanner(self) -> Replanner:
        return Replanner(
            database=self.database,
            catalog=self.composer.catalog,
            clock=self.clock,
            stopping=self._stopping.is_set,
            progress=self._sign,
            stopwatch=self.stopwatch,
        )

    @cached_property
    def _tender(self) -> Tender:
        return Tender(
            database=self.database,
            clock=self.clock,
            stopwatch=self.stopwatch,
            stopping=self._stopping.is_set,
            progress=self._sign,
        )

    @cached_property
    def _preparer(self) -> Preparer:
        return Preparer(
            database=self.database,
            composer=self.composer,
            shelf=self._shelf,
            replanner=self._replanner,
            gate=self._gate,
            worker=self.boot,
            provider=self.provider.name,
            clock=self.clock,
            stopwatch=self.stopwatch,
            stopping=self._stopping.is_set,
            token=self.token,
        )
