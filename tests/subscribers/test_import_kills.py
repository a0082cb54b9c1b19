"""An import is killed, at each of its points, and goes on: nobody twice, nobody half, nobody missing."""

from __future__ import annotations

import csv
import io
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from runup.database import Database
from runup.importing import Importing, TwoAtOnce
from subscribers import Consent, Interview, Subscriber
from subscribers.csv_file import Line, open_table, read_csv
from subscribers.import_run import ImportRun, fingerprint
from subscribers.refused_rows import RefusedRows
from subscribers.transfer import BATCH, Change, ImportOptions
from subscribers.transfer_record import Known

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ROWS = 3 * BATCH
WRONG = {50, 250, 450}
"""One refused row in each batch."""
OPTIONS = ImportOptions(
    known=Known(campaign="second_interview", campaigns=["second_interview"]), source="import", hmac_key=b"k"
)


def people() -> bytes:
    rows = ["email,home_zone,interview_date"]
    for number in range(ROWS):
        zone = "Mars/Base" if number in WRONG else "Europe/Berlin"
        rows.append(f"person{number}@example.com,{zone},2026-12-04")
    return "\n".join(rows).encode()


class Doomed(RefusedRows):
    """Refused rows of a process that is killed in its second batch."""

    def __init__(self, path: Path, titles: list[str], size: int, *, point: str) -> None:
        super().__init__(path, titles, size=size)
        self._point = point
        self._kept = 0

    def write(self, line: Line, errors: Mapping[str, str]) -> None:
        if self._kept and self._point == "before a refused row is written":
            os.kill(os.getpid(), signal.SIGKILL)
        super().write(line, errors)

    def keep(self) -> int:
        size = super().keep()
        self._kept += 1
        if self._kept == 2 and self._point == "before the rows are kept":
            os.kill(os.getpid(), signal.SIGKILL)
        return size


def go_on(url: str, folder: Path, *, point: str = "") -> Importing:
    database = Database(url)
    work = Importing(database=database, options=OPTIONS, fingerprint=fingerprint(io.BytesIO(people())))
    work.begin(now=NOW)
    table = open_table(io.BytesIO(people()))
    with Doomed(folder / "errors.csv", list(table.titles), work.errors_size, point=point) as refused:
        for taken in work.go(table.lines, refused, now=NOW, changed=lambda *_: None):
            if point == "when some are kept" and taken.number > BATCH + 1:
                os.kill(os.getpid(), signal.SIGKILL)
    database.close()
    return work


@pytest.mark.parametrize(
    "point", ["before a refused row is written", "before the rows are kept", "when some are kept"]
)
def test_a_killed_import_goes_on_and_counts_as_if_nothing_had_been(
    sqlite_url: str, tmp_path: Path, point: str
) -> None:
    killed = os.fork()
    if not killed:
        go_on(sqlite_url, tmp_path, point=point)
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(killed, 0)[1]) == signal.SIGKILL
    work = go_on(sqlite_url, tmp_path)
    assert work.began_at == NOW
    assert (work.rows, work.counts[Change.ADDED], work.counts[Change.REFUSED]) == (ROWS, ROWS - 3, 3)
    database = Database(sqlite_url)
    with database.read() as session:
        for kind in (Subscriber, Interview, Consent):
            assert session.scalar(select(func.count()).select_from(kind)) == ROWS - 3
        run = session.scalars(select(ImportRun)).one()
        assert (run.rows_taken, run.finished_at) == (ROWS, NOW)
    database.close()
    with (tmp_path / "errors.csv").open(newline="") as listing:
        assert [row["email"] for row in csv.DictReader(listing)] == [
            f"person{number}@example.com" for number in sorted(WRONG)
        ]


def test_an_import_given_up_a_month_ago_begins_anew(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    for later in (timedelta(), timedelta(days=31)):
        work = Importing(database=database, options=OPTIONS, fingerprint=f"{later}")
        work.begin(now=NOW + later)
    with database.read() as session:
        assert session.scalars(select(ImportRun)).one().began_at == NOW + timedelta(days=31)
    database.close()


def test_what_was_refused_is_put_right_in_its_list_and_imported(sqlite_url: str, tmp_path: Path) -> None:
    go_on(sqlite_url, tmp_path)
    listing = tmp_path / "errors.csv"
    assert listing.stat().st_mode & 0o777 == 0o600
    columns, lines = read_csv(io.BytesIO(listing.read_bytes().replace(b"Mars/Base", b"Europe/Paris")))
    assert columns[:4] == ["error_row", "error_column", "error_problem", "error_remedy"]
    first = next(iter(lines)).cells
    assert first["home_zone"] == "Europe/Paris"
    assert first["error_remedy"].startswith("write a place such as Europe/Berlin")


def test_two_processes_with_one_file_do_not_both_go_on(sqlite_url: str, tmp_path: Path) -> None:
    database = Database(sqlite_url)
    works = [Importing(database=database, options=OPTIONS, fingerprint="x") for _ in range(2)]
    for work in works:
        work.begin(now=NOW)
    with ExitStack() as open_files:
        steps: list[Iterator[object]] = []
        for number, work in enumerate(works):
            table = open_table(io.BytesIO(people()))
            refused = open_files.enter_context(RefusedRows(tmp_path / f"{number}.csv", table.titles))
            steps.append(work.go(table.lines, refused, now=NOW, changed=lambda *_: None))
        next(steps[0])
        with pytest.raises(TwoAtOnce, match="by another process"):
            next(steps[1])
    database.close()


def test_an_error_in_a_batch_keeps_nothing_of_it(sqlite_url: str, tmp_path: Path) -> None:
    database = Database(sqlite_url)
    work = Importing(database=database, options=OPTIONS, fingerprint="x")
    work.begin(now=NOW)

    def fail_late(_session: Session, person: int) -> None:
        if person > BATCH + 20:
            raise RuntimeError("a campaign that cannot be planned")

    table = open_table(io.BytesIO(people()))
    with RefusedRows(tmp_path / "errors.csv", table.titles) as refused, pytest.raises(RuntimeError):
        list(work.go(table.lines, refused, now=NOW, changed=fail_late))
    with database.read() as session:
        assert session.scalar(select(func.count(Subscriber.id))) == BATCH - 1
        assert session.scalars(select(ImportRun)).one().rows_taken == BATCH
    database.close()
