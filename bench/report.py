"""How long a report takes, and how much memory, over many sends.

    python bench/report.py --sends 1000000
    python bench/report.py --sends 1000000 --database postgresql

Each figure is of a process of its own, right after the rows were written.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from many_sends import BEGAN, fill
from sends import migrated_database

from campaigns import Catalog
from runup.database import Database
from runup.reports import Period, Report, report

EACH = 15


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sends", type=int, default=100_000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, migrated_database(options.database, Path(folder)) as url:
        database = Database(url)
        with database.write() as session:
            fill(session, people=options.sends // EACH, sends_each=EACH, days=options.days)
        before = _memory()
        for words in ("first", "again"):
            began, worked = time.perf_counter(), time.process_time()
            found = counted(database, days=options.days)
            worked = time.process_time() - worked
            print(f"{words}: {time.perf_counter() - began:.2f} s, of them {worked:.2f} s of this process")
        print(f"{found.total.fate.planned:,} sends, {len(found.moments)} x {found.span}")
        print(f"memory grew by {_memory() - before:.1f} MB")
        database.close()


def counted(database: Database, *, days: int) -> Report:
    now = BEGAN + timedelta(days=days + 60)
    with database.read() as session:
        return report(session, period=Period(None, now), catalog=Catalog(), now=now)


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main(sys.argv[1:])
