"""One town in virtual time: workers that are interleaved at their port calls, people, a provider, a feed.

Everything runs in one thread. A worker is the real one, in a greenlet of its own; at its ports (the
database's transactions, the words, the provider) the world may let somebody else go on, let time pass, or let
it die. All chance comes from the seed.
"""

from __future__ import annotations

import hashlib
import heapq
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from greenlet import getcurrent, greenlet
from sim_faults import Faults

BEGIN = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
A_PORT_CALL = 0.003
"""Seconds."""
IDLE_AT_MOST = 26 * 3600.0


class Killed(BaseException):
    """kill -9: nothing of the worker runs any more. Its transaction, if it had one open, is rolled back."""


class Violation(BaseException):
    """An invariant does not hold; `invariant` is its number. No handler of the worker's stops it."""

    def __init__(self, invariant: int | str, what: str) -> None:
        super().__init__(f"invariant {invariant}: {what}")
        self.invariant = invariant


@dataclass(eq=False)
class Crew:
    """One place where a worker runs; after a death a new worker begins there."""

    number: int
    resume_at: float = 0.0
    life: greenlet | None = None
    worker: Any = None
    boots: int = 0
    holds: dict[int, int] = field(default_factory=dict)
    """Sends it has claimed and not finished, with their subscribers: when people's acts matter most."""
    is_stalled: bool = False
    is_zombie: bool = False
    """It was stopped in the middle of a call, as by SIGSTOP."""
    is_told_to_stop: bool = False
    has_failed: bool = False
    """Its last tick raised: what it keeps in memory has to be looked after."""
    busy: int = 0
    """Ticks in a row that had nothing to do though something was due."""


@dataclass(eq=False)
class Ambush:
    """An act that waits for a worker to hold a send of `whom` (0: anybody), and then so many calls."""

    countdown: int
    whom: int
    act: Callable[[], None]


@dataclass(eq=False)
class World(ABC):
    """The clock, the crews, and what is going to happen."""

    seed: int
    faults: Faults
    crews: list[Crew] = field(default_factory=list)
    elapsed: float = 0.0
    """Seconds on a clock that nobody sets."""
    skew: float = 0.0
    """Seconds by which somebody has set the wall clock wrong."""
    steps: int = 0
    in_transaction: bool = False
    has_stalled: bool = False
    """Some worker was stopped in the middle of something; its call may come after its lease has ended."""
    current: Crew | None = None
    trace: list[Any] = field(default_factory=list)
    is_down_until: dict[str, float] = field(default_factory=dict)
    """`feed`, `provider`, `db`: down until that moment."""
    _agenda: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _ambushes: list[Ambush] = field(default_factory=list)
    _number: int = 0

    def __post_init__(self) -> None:
        self.rng = Random(zlib.crc32(f"world/{self.seed}".encode()))
        self._hub = getcurrent()

    # -- time ---------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        return BEGIN + timedelta(seconds=self.elapsed + self.skew)

    def stopwatch(self) -> float:
        return self.elapsed

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """`act` happens that many seconds from now."""
        self._number += 1
        heapq.heappush(self._agenda, (self.elapsed + max(seconds, 0.0), self._number, act))

    def ambush(self, countdown: int, act: Callable[[], None], whom: int = 0) -> None:
        """`act` happens between two port calls of a worker that has something of `whom` in hand; after a day
        and a half it happens anyway."""
        trap = Ambush(countdown, whom, act)
        self._ambushes.append(trap)
        self.later(130_000, lambda: self._spring(trap))

    def is_down(self, what: str) -> bool:
        return self.is_down_until.get(what, 0.0) > self.elapsed

    def note(self, *what: Any) -> None:
        self.trace.append((round(self.elapsed, 3), *what))

    def trace_hash(self) -> str:
        return hashlib.blake2b(repr(self.trace).encode(), digest_size=12).hexdigest()

    # -- a worker's ports ---------------------------------------------------------------------------------

    def at(self, port: str) -> None:
        """A worker is between two things. Never within a transaction."""
        crew = self.current
        if crew is None:
            return
        assert not self.in_transaction, port
        self.steps += 1
        self.elapsed += A_PORT_CALL
        self.trace.append((port, crew.number, round(self.elapsed, 3)))
        if crew.holds:
            self._spring_ambushes(crew)
            self._call_rival(crew)
        fires = self.faults.fires
        if fires("kill"):
            self.note("killed", crew.number)
            self._notice(crew)
            raise Killed
        if fires("stall"):
            self.has_stalled = True
            self._notice(crew)
            crew.is_zombie = port in ("call", "accepted")
            crew.is_stalled = True
            longest = 200 if self.rng.random() < 0.7 else 30_000
            self.sleep(self.faults.size("stall", 3, longest))
            crew.is_stalled = False
        elif len(self.crews) > 1 and fires("switch"):
            self.sleep(0.0)

    def _notice(self, silent: Crew) -> None:
        """Workers tick every two seconds: they meet what a silent one holds, and later its leases' end."""
        for crew in self.crews:
            if crew is not silent and crew.worker is not None and not crew.holds:
                crew.resume_at = min(crew.resume_at, self.elapsed + 2 * self.rng.random())

    def sleep(self, seconds: float) -> None:
        """The worker of this greenlet waits, and everybody else goes on."""
        crew = self.current
        if crew is None:
            return
        crew.resume_at = self.elapsed + seconds
        self._hub.switch()

    def _spring_ambushes(self, crew: Crew) -> None:
        for trap in list(self._ambushes):
            if trap.whom == 0 or trap.whom in crew.holds.values():
                trap.countdown -= 1
                if trap.countdown < 0:
                    self._spring(trap)

    def _spring(self, trap: Ambush) -> None:
        if trap not in self._ambushes:
            return
        self._ambushes.remove(trap)
        crew, self.current = self.current, None
        try:
            trap.act()
        finally:
            self.current = crew

    def _call_rival(self, crew: Crew) -> None:
        """The worst moment for a worker to come back is when another holds what it believes to be its own."""
        for rival in self.crews:
            if rival is not crew and rival.is_stalled and rival.holds.keys() & crew.holds.keys():
                rival.resume_at = self.elapsed
                self.sleep(0.001)

    def stir(self, busy: Crew) -> None:
        """`busy` has just claimed something. The others tick every two seconds; now and then it matters."""
        for crew in self.crews:
            if crew is not busy and crew.worker is not None and not crew.holds and self.rng.random() < 0.25:
                crew.resume_at = min(crew.resume_at, self.elapsed + 2 * self.rng.random())

    # -- the hub ------------------------------------------------------------------------------------------

    def run(self, until: float, is_over: Callable[[], bool] = lambda: False) -> None:
        """Go on until that moment of the stopwatch, or until `is_over` between two steps."""
        while not is_over():
            ready = self._ready()
            if ready is None:
                moment = min(
                    [crew.resume_at for crew in self.crews] + [a[0] for a in self._agenda[:1]] + [until]
                )
                if moment >= until:
                    self.elapsed = max(self.elapsed, until)
                    return
                self.elapsed = max(self.elapsed, moment)
                continue
            ready()

    def _ready(self) -> Callable[[], None] | None:
        choices: list[Callable[[], None]] = []
        if self._agenda and self._agenda[0][0] <= self.elapsed:
            choices.append(self._act)
        for crew in self.crews:
            if crew.resume_at <= self.elapsed:
                choices.append(lambda crew=crew: self._go_on(crew))
        if len(choices) < 2:
            return choices[0] if choices else None
        return choices[self.rng.randrange(len(choices))]

    def _act(self) -> None:
        heapq.heappop(self._agenda)[2]()

    def _go_on(self, crew: Crew) -> None:
        if crew.life is None:
            crew.life = greenlet(lambda: self._live(crew))
        self.current = crew
        crew.life.switch()
        self.current = None

    def _live(self, crew: Crew) -> None:
        """A worker's whole life: until it is killed, or somebody stops it."""
        try:
            crew.worker = self.hire(crew)
            while True:
                self.tick(crew)
        except Killed:
            crew.worker = None
        finally:
            crew.life, crew.holds, crew.is_zombie, crew.busy = None, {}, False, 0
            crew.is_stalled = False
            crew.is_told_to_stop = crew.has_failed = False
            crew.boots += 1
            crew.resume_at = max(crew.resume_at, self.elapsed + self.faults.size("kill", 1, 400))

    @abstractmethod
    def hire(self, crew: Crew) -> Any:
        """A worker for `crew`, as a process that has just started would make it."""

    @abstractmethod
    def tick(self, crew: Crew) -> None:
        """One tick of the crew's worker, and the sleep after it."""

    # -- what the world does to workers -------------------------------------------------------------------

    def wake(self) -> None:
        """Something has happened: a tick comes within the two seconds between ticks."""
        for crew in self.crews:
            if crew.life is not None and crew.worker is not None and not crew.holds:
                if self.rng.random() < 0.3 and len(self.crews) > 1:
                    continue
                crew.resume_at = min(crew.resume_at, self.elapsed + 2 * self.rng.random())

    def kill_all(self, seconds: float) -> None:
        """Nobody works for that long."""
        self.note("outage", round(seconds))
        for crew in self.crews:
            if crew.life is not None and crew.life:
                self.current = crew
                crew.life.throw(Killed)
                self.current = None
            crew.resume_at = self.elapsed + seconds + crew.number
