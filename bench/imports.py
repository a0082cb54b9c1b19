"""How fast many people come in from a file, and how much memory that takes.

    python bench/imports.py --rows 1000000

Prints rows per second, the most memory the process ever had, and the size of the database.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

from runup.cli import main


def write_people(file: Path, rows: int) -> None:
    """One row a person, as an export of another system has them."""
    with file.open("w", encoding="utf-8") as target:
        target.write(
            "E-Mail,Vorname,home_zone,interview_date,interview_time,company,consent_at,consent_proof\n"
        )
        for number in range(rows):
            target.write(
                f"person{number}@example.com,Person {number},Europe/Berlin,2027-01-{number % 28 + 1:02},"
                f"14:00,Company {number % 997},2026-11-01T10:00Z,form {number}\n"
            )


def run() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=20_000)
    rows = options.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        assert main(["init"]) == 0
        file = Path("people.csv")
        write_people(file, rows)
        print(f"{rows} rows, {file.stat().st_size / 1e6:.0f} MB", file=sys.stderr)
        before, cpu = time.perf_counter(), time.process_time()
        words = ["--map", "email=E-Mail", "--map", "first_name=Vorname", "--confirmed"]
        assert main(["subscribers", "import", "people.csv", *words]) == 0
        took, cpu = time.perf_counter() - before, time.process_time() - cpu
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        size = Path("runup.db").stat().st_size / 1e6
        print(f"{rows / took:.0f} rows/s ({cpu / rows * 1e6:.0f} us CPU a row), {most:.0f} MB at most")
        print(f"database {size:.0f} MB; {took:.0f} s in all")
    return 0


if __name__ == "__main__":
    sys.exit(run())
