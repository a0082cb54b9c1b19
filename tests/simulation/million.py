"""A million emails, one attempt in ten faulty: what is lost, doubled or never known,
by the health of the feed.

    python tests/simulation/million.py --sends 1000000 --scenario healthy
    python tests/simulation/million.py --sends 20000                          every scenario, a short form

The worker's own functions do the work on a real SQLite file, in virtual time: claim, last checks and durable
intent, answers, events, doubt. Only planning and words, which decide nothing here, are replaced: rows
are inserted in bulk, and an email is one line. The fake provider's log tells what really left.
"""

from __future__ import annotations

import argparse
import heapq
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import structlog
from sim_shelf import BRAND, KEY, catalog
from sim_shortcuts import Glance
from sqlalchemy import text

from campaigns import register
from delivery import Accepted, Email, NotSent, Unknown
from delivery.events import DeliveryEvent, EventType
from delivery.records import store
from runup.database import Database, upgrade
from scheduler import Sender, Worker
from scheduler.composing import Composed, Composer
from scheduler.draft import Draft
from scheduler.recording import Recorder
from scheduler.replanning import Replanner
from subscribers import Links
from subscribers.wall_time import tzdata_version

BEGIN = datetime(2026, 11, 23, tzinfo=UTC)
FAULTY = 0.10
CRITICAL = 0.30
"""Of all emails: 45 minutes of grace, and one blind second attempt. The others have a day and none."""
TICK, COARSE_TICK = 60.0, 300.0
"""Seconds; the coarse one for a short form, whose minutes are nearly empty."""
DOUBT_EVERY = 300.0
SCENARIOS = ("healthy", "lossy", "down", "none")
OPERATOR = "operator@example.com"
NOT_SENT = ("refused", "no_name", "too_many")
NOT_TAKEN = ("reset", "server_error", "killed_before")
TAKEN = ("answer_lost", "gateway_timeout", "killed_after")
"""Nine kinds of faulty attempts: three certainly not sent, three in doubt and not taken, three taken."""


@dataclass
class Result:
    scenario: str
    sends: int
    states: dict[str, int]
    lost: int
    """Neither left nor known not to have left nor in doubt: a final state that the provider's log denies."""
    duplicates: int
    unknown: int
    expired: int
    doubted: int
    """Attempts that ended in doubt."""
    ms_per_send: float

    def __str__(self) -> str:
        return (
            f"{self.scenario:8} {self.sends:>9,} sends: {self.lost} silently lost, {self.duplicates:,} "
            f"duplicates, {self.unknown:,} unknown, {self.expired:,} expired; "
            f"{self.doubted / self.sends:.1%} were in doubt; {self.ms_per_send:.2f} ms each"
        )


@dataclass(eq=False)
class Post:
    """The provider and its feed. `log`: copies by reference."""

    scenario: str
    span: float
    rng: Random
    name: str = "sendgrid"
    elapsed: float = 0.0
    log: Counter[str] = field(default_factory=Counter)
    events: list[tuple[float, int, DeliveryEvent]] = field(default_factory=list)
    doubted: int = 0
    _number: int = 0

    def deliver(self, email: Email) -> Accepted:
        if 0.4 * self.span <= self.elapsed < 0.4 * self.span + min(7200.0, self.span / 12):
            raise NotSent("connection refused")
        fault = self.rng.choice((*NOT_SENT, *NOT_TAKEN, *TAKEN)) if self.rng.random() < FAULTY else ""
        if fault in NOT_SENT:
            raise NotSent(fault, retry_after=2.0 if fault == "too_many" else None)
        if fault not in NOT_TAKEN:
            self._take(email)
        if fault:
            self.doubted += 1
            raise Unknown(fault)
        return Accepted(message_id="m", status=202)

    def _take(self, email: Email) -> None:
        if "canary" not in email.categories:
            self.log[email.reference] += 1
        if self.scenario == "none" or (self.scenario == "lossy" and self.rng.random() < 0.001):
            return
        self._number += 1
        event = DeliveryEvent(
            id=f"e{self._number}",
            reference=email.reference,
            attempt=email.attempt,
            type=EventType.DELIVERED,
            occurred_at=email.date,
            address=email.recipient,
        )
        comes_at = self.elapsed + self.rng.uniform(2, 120)
        for begins, ends in self._feed_is_down():
            if begins <= comes_at < ends:
                comes_at = ends + self.rng.uniform(0, 300)
        heapq.heappush(self.events, (comes_at, self._number, event))

    def _feed_is_down(self) -> tuple[tuple[float, float], ...]:
        if self.scenario != "down":
            return ()
        # Three and six hours of a week.
        scale = self.span / (168 * 3600)
        return (
            (0.2 * self.span, 0.2 * self.span + 10_800 * scale),
            (0.6 * self.span, 0.6 * self.span + 21_600 * scale),
        )

    def told(self) -> list[DeliveryEvent]:
        found = []
        while self.events and self.events[0][0] <= self.elapsed:
            found.append(heapq.heappop(self.events)[2])
        return found

    def close(self) -> None:
        """Nothing to give back."""


@dataclass(frozen=True, kw_only=True)
class OneLine(Composer):
    def compose(self, draft: Draft, *, now: datetime) -> Composed:
        email = Email(
            reference=draft.reference,
            attempt=draft.attempt,
            sender=self.sender.address,
            sender_name=self.sender.name,
            recipient=draft.address,
            subject=draft.step,
            html="",
            text="",
            date=now,
        )
        return Composed(send_id=draft.send_id, email=email, true_until=now + timedelta(hours=1))


def run(scenario: str, sends: int, *, seed: int = 1, folder: Path) -> Result:
    """Play one scenario in a database of its own in `folder`."""
    span = max(8 * 3600.0, 168 * 3600.0 * sends / 1_000_000)
    post = Post(scenario, span, Random(seed))
    database = Database(f"sqlite:///{folder / f'{scenario}.db'}")
    upgrade(database)
    _fill(database, sends, span, Random(seed + 1))
    began = time.process_time()
    with _quiet(database, post):
        _work(database, post, span, sends)
    seconds = time.process_time() - began
    result = _judge(database, post, sends, seconds)
    database.close()
    return result


def _fill(database: Database, sends: int, span: float, rng: Random) -> None:
    with database.write() as session:
        register(session, catalog(), KEY, now=BEGIN)
    raw: Any = database.engine.raw_connection()
    cursor = raw.cursor()
    cursor.execute("BEGIN")
    at, tz = _written(BEGIN), tzdata_version()
    numbers = range(1, sends + 1)
    cursor.executemany(
        "INSERT INTO subscriber (id, address, address_hmac, first_name, home_zone, locale, created_at, "
        "confirmed_at, wants_goodbye, epoch, planned_epoch) VALUES (?, ?, ?, '', 'UTC', 'en', ?, ?, 0, 0, 0)",
        ((n, f"p{n}@example.com", f"{n:064x}", at, at) for n in numbers),
    )
    cursor.executemany(
        "INSERT INTO interview (id, subscriber_id, campaign, held_on, zone, mode, interviewers, format, "
        "company, role, country, revision, created_at, requested_at, confirmed_at) VALUES (?, ?, ?, "
        "'2027-01-01', 'UTC', 'video', 'new', 'panel', '', '', '', 0, ?, ?, ?)",
        ((n, n, KEY, at, at, at) for n in numbers),
    )
    cursor.executemany(
        "INSERT INTO enrollment (id, subscriber_id, interview_id, campaign, enrolled_at) "
        "VALUES (?, ?, ?, ?, ?)",
        ((n, n, n, KEY, at) for n in numbers),
    )
    cursor.executemany(
        "INSERT INTO send (id, enrollment_id, subscriber_id, campaign, step, occasion, occurrence, state, "
        "detail, reference, due_at, expires_at, local_at, zone, tzdata_version, planned_at, epoch, merged, "
        "waits_for_gap, counts_for_gap, needs_consent, ready_at, on_unknown, resends, lane, claims, "
        "attempts) VALUES (?, ?, ?, ?, ?, '', 0, 'planned', '', ?, ?, ?, '', 'UTC', ?, ?, 0, '', ?, 1, 1, "
        "?, ?, 0, 0, 0, 0)",
        (_send(n, span, rng, at, tz) for n in numbers),
    )
    cursor.execute("COMMIT")
    cursor.execute("ANALYZE")
    cursor.close()
    raw.close()


def _send(number: int, span: float, rng: Random, at: str, tz: str) -> tuple[Any, ...]:
    due = BEGIN + timedelta(seconds=rng.uniform(0, span))
    is_critical = rng.random() < CRITICAL
    expires = due + (timedelta(minutes=45) if is_critical else timedelta(days=1))
    step, policy = ("morning", "resend") if is_critical else ("advice", "drop")
    moment = _written(due)
    return (
        number, number, number, KEY, step, rng.randbytes(16).hex(), moment, _written(expires), tz, at,
        not is_critical, moment, policy,
    )  # fmt: skip


def _work(database: Database, post: Post, span: float, sends: int) -> None:
    worker = Worker(
        database=database,
        provider=post,
        composer=OneLine(
            catalog=catalog(),
            links=Links(["x"], BRAND.site_url),
            brand=BRAND,
            sender=Sender(address="hello@runup.example.com", name="runup"),
        ),
        clock=lambda: BEGIN + timedelta(seconds=post.elapsed),
        stopwatch=lambda: post.elapsed,
        concurrency=1,
        batch=256,
        canary_address=OPERATOR,
    )
    glance = Glance(database.engine.raw_connection().driver_connection, worker.clock)
    last, tick = 0.0, TICK if sends >= 200_000 else COARSE_TICK
    while post.elapsed < span + 2 * 86_400:
        if events := post.told():
            with database.write() as session:
                store(session, events, source="sendgrid", hash_address=_hash, now=worker.clock())
        # A real worker ticks every two seconds; here a minute is one tick, and nothing to do is none.
        if glance.is_due() or glance.has_heard() or post.elapsed >= last + DOUBT_EVERY:
            worker.tick()
            last = post.elapsed
        post.elapsed += tick
        if post.elapsed > span and not _is_anything_open(database):
            break
    worker.close()


def _hash(address: str) -> str:
    return f"{int(address.partition('@')[0][1:]):064x}" if address.startswith("p") else ""


@contextmanager
def _quiet(database: Database, post: Post) -> Iterator[None]:
    """Planning by one statement for everybody; answers of killed workers are never heard; no log."""

    def plan_by_hand(replanner: Replanner, **_: float) -> tuple[int, bool]:
        now = _written(replanner.clock())
        with database.write() as session:
            session.execute(text(_END_BLIND), {"now": now})
            session.execute(text(_END), {"now": now})
            session.execute(text(_FRESHEN), {"now": now})
        return 0, False

    def keep_living(recorder: Recorder, answers: Any) -> None:
        keep(recorder, [answer for answer in answers if not answer.outcome.error.startswith("killed")])

    keep = Recorder.keep
    before = structlog.get_config()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory(), processors=[lambda *_: ""])
    with (
        patch.object(Replanner, "out_of_date", plan_by_hand),
        patch.object(Replanner, "patrol", lambda _: 0),
        patch.object(Replanner, "people", lambda _, __: 0),
        patch.object(Recorder, "keep", keep_living),
    ):
        yield
    structlog.configure(**before)


_END_BLIND = """
UPDATE send SET state = 'unknown', reason = 'unknown', left_at = intent_at, finished_at = :now,
ready_at = NULL
WHERE state IN ('planned', 'retry_wait') AND expires_at <= :now AND resends > 0
"""
_END = """
UPDATE send SET state = 'expired', reason = 'expired_outage', finished_at = :now, ready_at = NULL
WHERE state IN ('planned', 'retry_wait') AND expires_at <= :now
"""
_FRESHEN = "UPDATE send SET planned_at = :now WHERE state IN ('planned', 'retry_wait') AND ready_at <= :now"


def _is_anything_open(database: Database) -> bool:
    raw: Any = database.engine.raw_connection()
    found = raw.cursor().execute(
        "SELECT 1 FROM send WHERE state IN ('planned', 'claimed', 'sending', 'retry_wait', 'in_doubt') "
        "LIMIT 1"
    )
    is_open = found.fetchone() is not None
    raw.close()
    return is_open


def _judge(database: Database, post: Post, sends: int, seconds: float) -> Result:
    raw: Any = database.engine.raw_connection()
    states: Counter[str] = Counter()
    lost = 0
    for reference, state in raw.cursor().execute("SELECT reference, state FROM send"):
        states[state] += 1
        has_left = post.log[reference] > 0
        is_told_left = state in ("accepted", "delivered")
        # `unknown` is told as such. Anything else must be what really happened.
        lost += has_left != is_told_left and state != "unknown"
    raw.close()
    return Result(
        scenario=post.scenario,
        sends=sends,
        states=dict(states),
        lost=lost,
        duplicates=sum(copies - 1 for copies in post.log.values() if copies > 1),
        unknown=states["unknown"],
        expired=states["expired"],
        doubted=post.doubted,
        ms_per_send=seconds * 1000 / sends,
    )


def _written(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sends", type=int, default=20_000)
    parser.add_argument("--scenario", choices=[*SCENARIOS, "all"], default="all")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    shared = Path("/dev/shm")
    for scenario in SCENARIOS if options.scenario == "all" else (options.scenario,):
        with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder:
            result = run(scenario, options.sends, seed=options.seed, folder=Path(folder))
        print(result, flush=True)  # noqa: T201 - a program
        if result.lost:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
