"""How long an issue for many readers takes: making their sends, and letting all of it leave with the whole
contract (claim, rendering, last checks, durable intent, outcome) to a provider that takes everything at once.

    python bench/issues.py --readers 100000 --database sqlite
    python bench/issues.py --readers 100000 --database postgresql --zones 40

Ends with an error unless every reader got it once. Trust ratios between runs on one machine, not digits.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from people import worker
from sends import migrated_database
from sqlalchemy import insert

from campaigns import Brand
from campaigns.issue_file import parse_markdown
from campaigns.issue_words import compile_issue
from campaigns.newsletter import NewsletterIssue
from delivery import Accepted, Email
from runup.database import Database
from scheduler.issue_progress import progress
from scheduler.issue_sends import PAGE, expand
from scheduler.issues import approve, schedule
from scheduler.tending import begin
from scheduler.transaction import transact
from subscribers import Subscriber, Subscription, zone_names

BEGAN = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
TEXT = '+++\nsubject = "One thing to try"\n+++\n\n# One thing to try\n\nAsk who had the job before.\n'


@dataclass(frozen=True)
class Result:
    readers: int
    database: str
    zones: int
    made_seconds: float
    """Until the sends of all readers are made."""
    made_cpu_seconds: float
    longest_page_ms: float
    """The longest transaction of that: other writers wait no longer."""
    sent_seconds: float
    sends_per_second: float
    copies: int


@dataclass
class TakesEverything:
    name: str = "null"
    taken: Counter[str] = field(default_factory=Counter)

    def deliver(self, email: Email) -> Accepted:
        self.taken[email.recipient] += 1
        return Accepted(message_id=email.reference)

    def close(self) -> None:
        """There is nothing to close."""


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--readers", type=int, default=100_000)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--zones", type=int, default=40, help="zones the readers live in")
    parser.add_argument("--concurrency", type=int, default=128, help="calls in flight")
    parser.add_argument("--only-make", action="store_true", help="make the sends and let none leave")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, migrated_database(options.database, Path(folder)) as url:
        database = Database(url)
        result = measure(database, options)
        database.close()
    sys.stdout.write(json.dumps(asdict(result), indent=2) + "\n")
    if result.copies != (0 if options.only_make else options.readers):
        sys.exit(f"expected {options.readers} readers once each")


def measure(database: Database, options: argparse.Namespace) -> Result:
    readers(database, options.readers, zones=options.zones)
    issue_id = scheduled(database)
    before = time.process_time()
    pages = make_sends(database, issue_id)
    cpu = time.process_time() - before
    provider = TakesEverything()
    seconds = 0.0 if options.only_make else send(database, provider, options.concurrency)
    with database.read() as session:
        told = progress(session, issue_id, now=BEGAN + timedelta(seconds=seconds))
    assert (told.readers, told.waiting) == (options.readers, options.readers - len(provider.taken)), told
    return Result(
        readers=options.readers,
        database=options.database,
        zones=options.zones,
        made_seconds=round(sum(pages), 2),
        made_cpu_seconds=round(cpu, 2),
        longest_page_ms=round(max(pages) * 1000),
        sent_seconds=round(seconds, 1),
        sends_per_second=round(len(provider.taken) / seconds) if seconds else 0,
        copies=sum(provider.taken.values()) if max(provider.taken.values(), default=1) == 1 else -1,
    )


def readers(database: Database, count: int, *, zones: int) -> None:
    names = sorted(zone_names())[:: max(len(zone_names()) // zones, 1)]
    for first in range(1, count + 1, 10_000):
        numbers = range(first, min(first + 10_000, count + 1))
        people = [
            {
                "id": n, "address": f"reader{n}@example.com", "address_hmac": f"{n:064d}",
                "first_name": "Kiri", "home_zone": names[n % len(names)], "locale": "en", "created_at": BEGAN,
                "confirmed_at": BEGAN, "wants_goodbye": False, "epoch": 0, "planned_epoch": 0,
            }
            for n in numbers
        ]  # fmt: skip
        places = [
            {"subscriber_id": n, "list_key": "weekly", "subscribed_at": BEGAN, "confirmed_at": BEGAN}
            for n in numbers
        ]
        with database.write() as session:
            session.execute(insert(Subscriber), people)
            session.execute(insert(Subscription), places)


def scheduled(database: Database) -> int:
    brand = Brand(name="runup", postal_address="1 Example Street", site_url="https://runup.example.com")
    issue = parse_markdown(TEXT, "weekly", "one-thing")
    words = compile_issue(issue, list_name="The weekly", brand=brand).words
    with database.write() as session:
        row = NewsletterIssue(
            list_key="weekly", slug="one-thing", subject="One thing to try", words=words, created_at=BEGAN
        )
        session.add(row)
        session.flush()
        approve(session, row.id, now=BEGAN)
        schedule(session, row.id, now=BEGAN, at=BEGAN)
        begin(session, row.id, now=BEGAN)
        return row.id


def make_sends(database: Database, issue_id: int) -> list[float]:
    """The seconds each page took."""
    took, made = list[float](), PAGE
    while made == PAGE:
        began = time.perf_counter()
        made = transact(database, lambda session: expand(session, issue_id, now=BEGAN))
        took.append(time.perf_counter() - began)
    return took


def send(database: Database, provider: TakesEverything, concurrency: int) -> float:
    began = time.monotonic()
    worked = worker(
        database,
        provider,
        concurrency=concurrency,
        clock=lambda: BEGAN + timedelta(seconds=time.monotonic() - began),
    )
    worked.composer.catalog.renderer("second_interview")
    began = time.monotonic()
    while worked.tick().accepted:
        pass
    seconds = time.monotonic() - began
    worked.close()
    return seconds


if __name__ == "__main__":
    main(sys.argv[1:])
