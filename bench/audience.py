"""How long it takes to count whom an issue reaches, and how much memory.

python bench/audience.py --readers 100000
python bench/audience.py --readers 100000 --database postgresql
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from sends import migrated_database
from sqlalchemy import insert

from campaigns.audience import Audience
from runup.database import Database
from scheduler.audience_count import count_audience
from subscribers import Interview, Subscriber, SubscriberTag, Subscription

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
FILTERS = (
    "",
    "'vip' in subscriber.tags",
    "has_upcoming and interview.mode == 'video' and interview.days_left <= 7",
)
ZONES = ("Europe/Berlin", "America/St_Johns", "Pacific/Kiritimati", "Asia/Kolkata")


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--readers", type=int, default=100_000)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, migrated_database(options.database, Path(folder)) as url:
        database = Database(url)
        fill(database, options.readers)
        for source in FILTERS:
            began, cpu = time.perf_counter(), time.process_time()
            with database.read() as session:
                found = count_audience(session, "weekly", Audience.parse(source), now=NOW)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            took, worked = time.perf_counter() - began, time.process_time() - cpu
            print(f"{source or 'everybody'}: {found.receives:,} of {found.on_list:,}")
            print(f"  {took:.1f} s, {worked:.1f} s of them CPU; {peak} MB at most so far")
        database.close()


def fill(database: Database, readers: int) -> None:
    """Everybody is on the list; a half have an interview within 40 days, a tenth are tagged."""
    with database.write() as session:
        for start in range(1, readers + 1, 10_000):
            ids = range(start, min(start + 10_000, readers + 1))
            session.execute(insert(Subscriber), [_person(number) for number in ids])
            session.execute(insert(Subscription), [_place(number) for number in ids])
            session.execute(insert(Interview), [_interview(number) for number in ids if number % 2])
            session.execute(
                insert(SubscriberTag), [{"subscriber_id": one, "tag": "vip"} for one in ids if not one % 10]
            )


def _person(number: int) -> dict[str, object]:
    return {
        "id": number, "address": f"p{number}@example.com", "address_hmac": f"{number:064x}", "first_name": "",
        "home_zone": ZONES[number % len(ZONES)], "locale": "en", "created_at": NOW, "confirmed_at": NOW,
    }  # fmt: skip


def _place(number: int) -> dict[str, object]:
    since = NOW - timedelta(days=number % 300)
    return {"subscriber_id": number, "list_key": "weekly", "subscribed_at": since, "confirmed_at": since}


def _interview(number: int) -> dict[str, object]:
    return {
        "subscriber_id": number, "campaign": "second_interview", "zone": ZONES[number % len(ZONES)],
        "held_on": date(2026, 11, 3) + timedelta(days=number % 40),
        "mode": "video" if number % 3 else "phone",
        "created_at": NOW, "requested_at": NOW, "confirmed_at": NOW,
    }  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
