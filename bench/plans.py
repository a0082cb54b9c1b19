"""What a change of a campaign with many people on it costs: the plan, the apply, planning everybody again.

    python bench/plans.py --people 100000

Every row is compared before and after with what the plan said. Prints people per second, the longest time a
page held the database, and the most memory the process had.
"""

from __future__ import annotations

import argparse
import re
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from campaigns import Brand, Catalog, Enrollment, publish, register
from campaigns.applied_catalog import applied, with_files
from campaigns.catalog import words_of
from campaigns.rewording import Rewording
from campaigns.source_files import CampaignFiles, version_of
from runup.database import Database, upgrade
from scheduler import Send
from scheduler.impact import Effect, Kind
from scheduler.replanning import Replanner
from scheduler.send import UNSENT
from scheduler.superseded import how_many
from scheduler.weighing import Proposal, weigh
from subscribers import Interview, Subscriber

KEY = "second_interview"
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Tokyo", "America/St_Johns", "Pacific/Kiritimati")


def fill(database: Database, catalog: Catalog, people: int) -> None:
    """Interviews on forty days around today, planned by version 1 as workers would have."""
    with database.write() as session:
        register(session, catalog, KEY, now=NOW - timedelta(days=30))
        told = NOW - timedelta(days=20)
        numbers = range(1, people + 1)
        session.execute(insert(Subscriber), [
            {"id": n, "address": f"p{n}@example.com", "address_hmac": f"{n:064x}", "home_zone": ZONES[n % 5],
             "created_at": told, "confirmed_at": told, "epoch": 0, "planned_epoch": 0} for n in numbers
        ])  # fmt: skip
        session.execute(insert(Interview), [
            {"id": n, "subscriber_id": n, "campaign": KEY, "held_on": date(2026, 11, 20) + timedelta(n % 40),
             "zone": ZONES[n % 5], "mode": "video", "created_at": told, "requested_at": told,
             "confirmed_at": told} for n in numbers
        ])  # fmt: skip
        session.execute(insert(Enrollment), [
            {"id": n, "subscriber_id": n, "interview_id": n, "campaign": KEY, "enrolled_at": told,
             "planned_number": 0} for n in numbers
        ])  # fmt: skip


def changed(files: CampaignFiles) -> CampaignFiles:
    """The eve an hour and a half later, one email gone, one new, one reworded."""
    tables = re.split(r"(?=\[\[step\]\])", files.texts["sequence.toml"])
    eve = next(n for n, table in enumerate(tables) if '"day_before"' in table and "16:00:00" in table)
    tables[eve] = tables[eve].replace("16:00:00", "17:30:00")
    tables = [table for table in tables if 'key      = "second_nudge"' not in table]
    new = '[[step]]\nkey = "list"\ntitle = "List"\nday = -4\ntime = 11:00:00\nlate = "skip"\n'
    tables.insert(eve, new + 'once_per = "enrollment"\nexpires = { day = -2, time = 09:00:00 }\n\n')
    texts = {path: text for path, text in files.texts.items() if not path.startswith("second_nudge/")}
    texts |= {p.replace("people/", "list/"): t for p, t in texts.items() if p.startswith("people/")}
    texts["questions/subject.txt"] = "Other words\n"
    texts["sequence.toml"] = "".join(tables)
    return CampaignFiles(KEY, texts, version_of(texts))


class Held(Database):
    """Knows how long the longest transaction that writes took."""

    longest = 0.0

    @contextmanager
    def write(self) -> Iterator[Session]:
        began = time.perf_counter()
        with super().write() as session:
            yield session
        self.longest = max(self.longest, time.perf_counter() - began)


def dues(database: Database) -> dict[tuple[int, str], Any]:
    with database.read() as session:
        found = select(Send.subscriber_id, Send.step, Send.due_at).where(Send.state.in_(UNSENT))
        return {(who, step): due for who, step, due in session.execute(found)}


def replan(database: Database, catalog: Catalog) -> int:
    replanner = Replanner(database=database, catalog=catalog, clock=lambda: NOW, stopping=lambda: False)
    return replanner.of_old_versions()


def timed(what: str, people: int, began: float) -> None:
    took = time.perf_counter() - began
    print(f"{what:<28} {took:8.1f} s   {people / took:8.0f} people/s")


def run() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--people", type=int, default=2_000)
    options.add_argument("--database", default="", help="an empty PostgreSQL; SQLite if left out")
    given = options.parse_args()
    people, catalog = given.people, Catalog(brand=Brand(site_url="https://runup.example.com"))
    with tempfile.TemporaryDirectory() as folder:
        database = Held(given.database or f"sqlite:///{Path(folder) / 'runup.db'}")
        upgrade(database)
        fill(database, catalog, people)
        began = time.perf_counter()
        assert replan(database, catalog) == people
        timed("planned for the first time", people, began)

        with database.read() as session:
            before = applied(session, catalog)
        files = changed(before.files(KEY))
        words = Rewording(words_of(before.files(KEY), catalog.brand), words_of(files, catalog.brand))
        proposal = Proposal(KEY, before, with_files(before, files), words)
        began = time.perf_counter()
        impact = weigh(database, proposal, now=NOW)
        timed("plan", people, began)
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"  {dict(impact.counts())}; {most:.0f} MB at most so far")

        told: dict[tuple[int, str], Any] = {}

        def tell(effect: Effect) -> None:
            told.update({(effect.subscriber, one.step): one for one in effect.changes})

        weigh(database, proposal, now=NOW, told=tell)
        old = dues(database)
        database.longest = 0.0
        began = time.perf_counter()
        with database.write() as session:
            publish(session, KEY, files, base=1, now=NOW, effect=impact.counts())
        print(f"{'apply: the version itself':<28} {time.perf_counter() - began:8.3f} s")
        began = time.perf_counter()
        assert replan(database, catalog) == people
        timed("planned again", people, began)
        print(f"  the longest page held the database for {database.longest * 1000:.0f} ms")
        with database.read() as session:
            assert how_many(session, KEY, number=2) == 0
        new = dues(database)
        wrong = [
            key for key in old.keys() | new.keys() if not agrees(told.get(key), old.get(key), new.get(key))
        ]
        print(
            f"{len(old.keys() | new.keys()):,} emails compared before and after: {len(wrong)} not as planned"
        )
        database.close()
    return 1 if wrong else 0


def agrees(change: Any, old: Any, new: Any) -> bool:
    if change is None or change.kind is Kind.REWORDED:
        return bool(old == new)
    return bool((change.before, change.after) == (old, new))


if __name__ == "__main__":
    sys.exit(run())
