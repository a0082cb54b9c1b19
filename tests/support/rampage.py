"""A town at work while somebody kills its workers: many at once, at random, and with an oracle for the end.

Real worker processes, a SendGrid that keeps its own log of what it took and loses some answers, and a real
site that hears of everything, late, in disorder and more than once.
"""

from __future__ import annotations

import os
import random
import signal
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from killing import POINTS, Doom, Verdict, judge
from sendgrid_events import Event, Webhook, renamed
from sendgrid_fake import SendGridFake
from sendgrid_faults import FIN_AFTER_BODY, GARBAGE, RST_AFTER_BODY, Fault, How, answer
from shared_clock import SharedClock
from sqlalchemy import func, select, text
from town import Town
from twins import add_twins

from scheduler import Attempt, Send, State
from scheduler.doubt import NOT_HEARD_OF, NOT_TAKEN, PATIENCE
from scheduler.invariants import Violation, forgotten, violations
from scheduler.transaction import transact
from subscribers import Interview

FAULTS = (
    RST_AFTER_BODY,
    FIN_AFTER_BODY,
    GARBAGE,
    Fault(how=How.RESET),
    answer(500),
    answer(500, is_accepted=True),
    answer(429),
)
LEASE = 61.0
LATE = 8
"""Strikes after which the last of what happened has been told: less than a quarter of an hour."""


@dataclass(frozen=True)
class _Worker:
    pid: int
    fate: str


@dataclass
class Rampage:
    """`strike` does one harm. After `settle` nothing may be lost, doubled or open."""

    town: Town
    doom: Doom
    sendgrid: SendGridFake
    webhook: Webhook
    clock: SharedClock
    dice: random.Random
    workers: int = 1
    hears: bool = True
    """Whether the site is told during the killing, or only at the end."""
    rest: dict[str, Any] = field(default_factory=dict)
    """Of each worker's command."""
    harm: Counter[str] = field(default_factory=Counter)
    _workers: list[_Worker] = field(default_factory=list)
    _late: list[list[Event]] = field(default_factory=list)
    _people: int = 0
    _model: Interview | None = None

    def begin(self) -> None:
        self.sendgrid.choose_fault = lambda: self.dice.choice(FAULTS) if self.dice.random() < 0.05 else None
        self.join(8 * self.workers)
        self._workers = [self._start() for _ in range(self.workers)]

    def strike(self) -> None:
        """Harm one of the workers, let time pass, tell what SendGrid has taken meanwhile.

        Eight emails a worker are due at a time: enough to be killed over, however slow the machine is."""
        slot = self.dice.randrange(self.workers)
        if not self._is_sqlite and self.dice.random() < 0.15:
            self._cut(slot)
        elif self._workers[slot].fate == "a stop":
            self._stop(slot)
        else:
            self._kill(slot)
        self.clock.forward(self.dice.uniform(5, 45))
        self.town.now = self.clock()
        self.join(max(8 * self.workers - self._waiting(), 0))
        self.tell()

    def settle(self) -> None:
        """The killing is over: a fresh worker takes over, and what is in doubt meets a healthy feed."""
        for worker in self._workers:
            self._ended(self.doom.end(worker.pid))
        self.sendgrid.choose_fault = lambda: None
        assert self.sendgrid.wait_until_closed()
        self._go_on(LEASE)
        self.join(25)
        for minutes in (2, 20, 30, 1, 1, 1):
            self._go_on(minutes * 60)
        # What two attempts in the middle of their calls have left in doubt ends when its patience does.
        self._go_on(PATIENCE.total_seconds())

    def join(self, number: int) -> None:
        """One in twenty signs up as people do, while workers work; the others are like them."""
        if not number:
            return
        names = [f"person{self._people + one}" for one in range(number)]
        if self._people % 20 < number:
            self._model = self.town.person(names.pop(0))
        self._people += number
        if not names:
            return
        assert self._model
        model, now = self._model, self.town.now
        # Workers write as well, and SQLite has no queue for other processes.
        transact(self.town.database, lambda s: add_twins(s, model, names, step="welcome", now=now))

    def tell(self) -> None:
        if self.hears:
            self.webhook.tell(change=self._disturbed)

    def verdict(self) -> Verdict:
        log = Counter(accept.mid for accept in self.sendgrid.accepted)
        return judge(self.town.database, log, now=self.town.now)

    def broken_rules(self) -> list[Violation]:
        with self.town.database.read() as session:
            return violations(session, most=1_000_000) + forgotten(session, now=self.town.now)

    def welcomes(self) -> Counter[str]:
        return Counter(send.state for send in self.town.sends("welcome"))

    def check_the_file(self) -> None:
        if self._is_sqlite:
            with self.town.database.read() as session:
                assert session.scalar(text("PRAGMA integrity_check")) == "ok"

    def figures(self) -> dict[str, int]:
        """How close it was: what the harm has touched."""
        with self.town.database.read() as session:
            attempts = session.query(Attempt).all()
            sends = session.query(Send).where(Send.attempts > 0).all()
        return {
            **self.harm,
            "emails": len(sends),
            "given up as poison": self.welcomes()[State.DEAD],
            "unknown after two attempts": self.welcomes()[State.UNKNOWN],
            "in doubt and proved absent": sum(
                attempt.error in (NOT_TAKEN, NOT_HEARD_OF) for attempt in attempts
            ),
            "in doubt and proved to have left": sum(
                attempt.kind in ("", "U") and attempt.heard_at is not None for attempt in attempts
            ),
            "tried again": sum(send.attempts > 1 for send in sends),
        }

    # -- harm ---------------------------------------------------------------------------------------------

    def _kill(self, slot: int) -> None:
        """With -9: at a point of its own, or wherever it is after a while."""
        victim = self._workers[slot]
        patience = self.dice.uniform(10, 250) if victim.fate == "any moment" else 1500
        self._ended(self.doom.end(victim.pid, after_ms=patience))
        self._workers[slot] = self._start()

    def _stop(self, slot: int) -> None:
        """For longer than its lease: others take over, and then it lives and goes on where it was."""
        zombie = self._workers[slot]
        self.doom.pause(self.dice.uniform(60, 250))
        os.kill(zombie.pid, signal.SIGSTOP)
        self.clock.forward(LEASE + self.dice.uniform(0, 240))
        self._workers[slot] = self._start()
        self.doom.pause(self.dice.uniform(60, 160))
        os.kill(zombie.pid, signal.SIGCONT)
        self._ended(self.doom.end(zombie.pid, after_ms=self.dice.uniform(30, 160)))
        self.harm["stopped beyond their lease"] += 1

    def _cut(self, _slot: int) -> None:
        """The server ends connections in the middle of whatever they do."""
        self.doom.pause(self.dice.uniform(20, 100))
        with self.town.database.write() as session:
            ended = session.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND application_name = 'doomed' AND random() < 0.5"
                )
            ).all()
        self.harm["connections cut"] += len(ended)

    def _start(self) -> _Worker:
        (fate,) = self.dice.choices(("any moment", "a count", "a point", "a stop"), (5, 4, 8, 2))
        point = {"point": self.dice.choice(POINTS), "passes": self.dice.randint(0, 2)}
        how: dict[str, Any] = {
            "any moment": {},
            "a count": {"countdown": self.dice.randint(1, 40)},
            "a point": point,
            "a stop": point | {"by": int(signal.SIGSTOP)},
        }[fate]
        command = {"clock": str(self.clock.file), "sendgrid": self.sendgrid.url, "concurrency": 4}
        command["canary"] = "ops@runup.example.com"
        return _Worker(self.doom.start(**command, **self.rest, **how), fate)

    def _ended(self, code: int) -> None:
        assert code == -signal.SIGKILL, f"a worker has ended by itself: {code}"
        self.harm["killed"] += 1

    # -- the rest of the world ----------------------------------------------------------------------------

    def _disturbed(self, events: list[Event]) -> list[Event]:
        """Some later, some twice, some under another id, in no order."""
        on_time = [event for event in events if self.dice.random() < 0.7]
        self._late.append([event for event in events if event not in on_time])
        if len(self._late) > LATE:
            on_time += self._late.pop(0)
        again = [event for event in on_time if self.dice.random() < 0.2]
        told = on_time + again + renamed(again[::2])
        self.dice.shuffle(told)
        return told

    def _waiting(self) -> int:
        waiting = select(func.count()).where(Send.step == "welcome", Send.state == State.PLANNED)
        with self.town.database.read() as session:
            return session.scalar(waiting) or 0

    def _go_on(self, seconds: float) -> None:
        self.clock.forward(seconds)
        self.town.now = self.clock()
        self.town.tick(concurrency=4, stopwatch=self.clock.seconds)
        late, self._late = [event for events in self._late for event in events], []
        assert self.webhook.tell(change=lambda events: events + late)
        self.town.tick(concurrency=4, stopwatch=self.clock.seconds)

    @property
    def _is_sqlite(self) -> bool:
        return self.town.database.is_sqlite


def unfinished(states: Counter[str]) -> dict[str, int]:
    """What is not as it must be when all was told."""
    ends = (State.DELIVERED, State.DEAD, State.UNKNOWN)
    return {state: count for state, count in states.items() if state not in ends}
