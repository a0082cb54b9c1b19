"""Play one seed: a town, its people, its workers and everything that goes wrong, to the last final state."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import stamina
import structlog
from sim_faults import Faults
from sim_feed import OPERATOR, Feed
from sim_oracle import Oracle
from sim_people import DAY, People
from sim_ports import PortComposer, PortDatabase, PortProvider
from sim_shelf import BRAND, KEY, catalog
from sim_shortcuts import Glance, shortcuts
from sim_world import IDLE_AT_MOST, Crew, Killed, Violation, World

from campaigns.enrollment import Campaign, pause, resume
from runup.database import Base, Database, upgrade
from scheduler import Sender, Worker, release_brake
from scheduler.journal import Journal
from subscribers import Links

LINKS = Links(["the simulation's own secret"], BRAND.site_url)
SENDER = Sender(address="hello@runup.example.com", name="runup")
PEOPLE_COME_FOR = 6 * DAY
AFTERWARDS = 12 * DAY
"""The slowest step of the drill is due two days after an interview, which is five days after its sign-up."""
LIVENESS = 2 * DAY


@dataclass(frozen=True)
class Outcome:
    """What one seed came to."""

    seed: int
    trace: str
    fired: tuple[str, ...]
    violation: Violation | None
    sends: int = 0
    copies: int = 0
    doubled: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    history: tuple[Any, ...] = ()

    def __str__(self) -> str:
        told = f"seed {self.seed}: {self.violation or 'fine'}"
        if self.violation:
            told += f"\n  after: {', '.join(self.fired[-12:]) or 'no fault at all'}"
            told += f"\n  replay: pytest tests/simulation --sim-seed={self.seed}"
        return told


class Town(World):
    """A world whose crews run the real worker."""

    database: Database
    oracle: Oracle
    provider: PortProvider
    folder: Path
    glance: Glance
    paused_until = 0.0
    is_thorough = False
    """Every tick in full, and the worker asked for its next moment."""

    def hire(self, crew: Crew) -> Worker:
        name, tokens = f"w{crew.number}.{crew.boots}", iter(range(1_000_000))
        wanted: dict[str, Any] = {
            "database": PortDatabase(self.database, self, self.oracle),
            "provider": self.provider,
            "composer": PortComposer(
                catalog=catalog(), links=LINKS, brand=BRAND, sender=SENDER, world=self, oracle=self.oracle
            ),
            "clock": self.now,
            "concurrency": 1,
            "batch": 1 + self.seed % 3,
            "stopwatch": self.stopwatch,
            "token": lambda: f"{name}-{next(tokens)}",
            "boot": name,
            "journal": PortJournal(self.folder, self) if self.seed % 5 else None,
            "canary_address": OPERATOR if self.seed % 4 else "",
        }
        self.note("boots", name)
        return Worker(**wanted)

    def tick(self, crew: Crew) -> None:
        worker: Worker = crew.worker
        is_idle, due = False, None
        if not (self.is_thorough or crew.has_failed or crew.is_told_to_stop) and self.glance.is_idle():
            due = self.glance.next_moment()
            wait = (due - self.now()).total_seconds() + 2 * self.rng.random() if due else IDLE_AT_MOST
            self.sleep(min(max(wait, 2.0), IDLE_AT_MOST))
            return
        crew.has_failed = True
        try:
            tally = worker.tick()
            is_idle = not (tally.accepted or tally.failed or tally.planned_again)
            due = worker.next_due() if self.is_thorough else self.glance.next_moment()
        except Violation:
            raise
        except Exception as error:
            # As the clock does: the next tick finds the rows as they are.
            self.note("tick failed", type(error).__name__, str(error)[:80])
            crew.holds.clear()
            if crew.is_told_to_stop:
                raise Killed from None
            crew.busy += 1
            self.sleep((2 + 3 * self.rng.random()) * min(2**crew.busy, 100))
            return
        crew.has_failed = False
        crew.holds.clear()
        if crew.is_told_to_stop:
            worker.close()
            raise Killed
        wait = IDLE_AT_MOST
        if due is not None:
            # A real worker ticks every two seconds; ticks with nothing to do are left out.
            wait = min(max((due - self.now()).total_seconds(), 0) + 2 * self.rng.random(), wait)
        overdue = wait < 3 and is_idle
        crew.busy = crew.busy + 1 if overdue else 0
        self.sleep(max(wait, min(2.0 * 3 ** min(crew.busy, 9), 600.0) if overdue else 0.5))


class PortJournal(Journal):
    """The real journal; now and then the disk is full."""

    def __init__(self, folder: Path, world: World) -> None:
        super().__init__(folder)
        self._world = world

    def append(self, answers: Any, *, now: Any) -> None:
        self._world.at("journal")
        if self._world.faults.fires("journal_full"):
            raise OSError(28, "No space left on device")
        super().append(answers, now=now)


def play(seed: int, *, without: Collection[str] = (), keep_history: bool = False) -> Outcome:
    """The same seed and the same `without`, the same outcome, wherever and however often."""
    began = time.process_time()
    faults = Faults(seed, without=without)
    with _all_chance_from(seed), _folder() as folder:
        town = Town(seed, faults)
        database = town.database = _emptied()
        oracle = town.oracle = Oracle(town, database)
        town.glance = Glance(oracle.raw, town.now)
        feed = Feed(town, database, oracle)
        oracle.feed = feed
        town.provider, town.folder = PortProvider(town, oracle, feed), folder
        town.crews = [Crew(number) for number in range((1, 1, 2, 2, 2, 3)[town.rng.randrange(6)])]
        violation = None
        town.is_thorough = seed % 16 == 0
        short = nullcontext() if town.is_thorough else shortcuts(town.glance)
        try:
            with short:
                _live(town, People(town, database, oracle), feed)
        except Violation as found:
            violation = found
        finally:
            faults.is_off = True
            town.kill_all(0)
        copies = [len(copies) for copies in oracle.copies.values()]
        return Outcome(
            seed=seed,
            trace=town.trace_hash(),
            fired=tuple(faults.fired),
            violation=violation,
            sends=len(oracle.rows),
            copies=sum(copies),
            doubled=sum(number > 1 for number in copies),
            reasons=dict(oracle.reasons),
            seconds=time.process_time() - began,
            history=tuple(town.trace) if keep_history else (),
        )


def _live(town: Town, people: People, feed: Feed) -> None:
    people.arrive()
    _schedule_windows(town)
    _operate(town)
    town.run(PEOPLE_COME_FOR)
    # From here on nothing goes wrong any more: everything must come to its end.
    town.faults.is_off = True
    town.is_down_until.clear()
    feed.is_back()
    town.run(PEOPLE_COME_FOR + AFTERWARDS)
    town.run(
        PEOPLE_COME_FOR + AFTERWARDS + LIVENESS,
        lambda: not (town.oracle.is_anything_open() or feed.pending or town.glance.has_heard()),
    )
    town.oracle.look_at_everything()


def _schedule_windows(town: Town) -> None:
    """Outages and pauses, a few of them, at moments of their own."""
    faults, rng = town.faults, Random(f"windows/{town.seed}")
    for kind in ("outage", "feed_down", "provider_down", "db_down", "pause", "clock_step", "restart"):
        for _ in range(3):
            at, seconds = rng.uniform(0, PEOPLE_COME_FOR), rng.choice((900, 7200, 93_600, 691_200))
            # Windows are few: each may be there with thrice the drawn rate.
            if faults.fires(kind) or faults.fires(kind):
                town.later(at, lambda kind=kind, seconds=seconds: _window(town, kind, seconds))


def _window(town: Town, kind: str, seconds: float) -> None:
    if town.faults.is_off:
        return
    town.note(kind, seconds)
    if kind == "outage":
        town.kill_all(min(seconds, PEOPLE_COME_FOR - town.elapsed + DAY / 4))
    elif kind == "clock_step":
        town.skew = (seconds % 37) - 18
    elif kind == "restart":
        for crew in town.crews:
            if crew.worker is not None:
                crew.worker.stop()
                crew.is_told_to_stop = True
                crew.resume_at = min(crew.resume_at, town.elapsed + 2) if not crew.holds else crew.resume_at
    elif kind == "pause":
        _pause(town)
        town.paused_until = town.elapsed + min(seconds, 2 * DAY)
        town.later(min(seconds, 2 * DAY), lambda: _resume(town))
    else:
        what = kind.removesuffix("_down")
        # Workers look at a database that is away, and probe a provider that is, every few seconds: days of it
        # are many of the same moments. Every eighth seed lives through them.
        is_short = what == "db" or (what == "provider" and town.seed % 8)
        most = 7200 if is_short else 2 * DAY
        until = town.elapsed + min(seconds, most)
        town.is_down_until[what] = max(until, town.is_down_until.get(what, 0.0))


def _pause(town: Town) -> None:
    def act() -> None:
        with town.database.write() as session:
            campaign = session.get(Campaign, KEY)
            if campaign is not None:
                pause(session, campaign, now=town.now())
        town.oracle.committed("site")
        town.note("paused")

    town.ambush(town.seed % 7, act) if town.seed % 2 else act()


def _resume(town: Town) -> None:
    with town.database.write() as session:
        campaign = session.get(Campaign, KEY)
        if campaign is not None:
            resume(session, campaign, now=town.now())
    town.oracle.committed("site")
    town.note("resumed")
    town.wake()


def _operate(town: Town) -> None:
    """An operator looks every few hours: releases a brake, takes up again what a worker has paused."""
    if town.oracle._ask("SELECT 1 FROM hold WHERE released_until IS NULL"):
        with town.database.write() as session:
            release_brake(session, now=town.now())
        town.note("released")
        town.wake()
    is_over = town.faults.is_off or town.elapsed > town.paused_until
    if is_over and town.oracle._ask("SELECT 1 FROM campaign WHERE state = 'paused'"):
        _resume(town)
    town.later(4 * 3600, lambda: _operate(town))


# -- what all seeds share ---------------------------------------------------------------------------------


@cache
def _database() -> Database:
    """One real SQLite database per process, in memory, migrated once: its statements stay compiled."""
    database = Database("sqlite://")
    upgrade(database)
    return database


def _emptied() -> Database:
    """As after the migration; rows are counted from one again."""
    database = _database()
    raw: Any = database.engine.raw_connection().driver_connection
    tables = [f'DELETE FROM "{table.name}";' for table in reversed(Base.metadata.sorted_tables)]  # noqa: S608
    raw.executescript(
        "PRAGMA query_only=OFF; PRAGMA foreign_keys=OFF;" + "".join(tables) + "PRAGMA foreign_keys=ON;"
    )
    return database


@contextmanager
def _all_chance_from(seed: int) -> Iterator[None]:
    """What the code draws from the system comes from the seed; waits between tries are none; no log."""
    stream, real = Random(f"secrets/{seed}"), secrets.token_hex
    secrets.token_hex = lambda size=16: stream.randbytes(size or 16).hex()
    stamina.set_testing(testing=True, attempts=5)
    before = structlog.get_config()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory(), processors=[lambda *_: ""])
    try:
        yield
    finally:
        secrets.token_hex = real
        stamina.set_testing(testing=False)
        structlog.configure(**before)


@contextmanager
def _folder() -> Iterator[Path]:
    shared = Path("/dev/shm")
    path = Path(tempfile.mkdtemp(prefix="runup-sim-", dir=shared if shared.is_dir() else None))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
