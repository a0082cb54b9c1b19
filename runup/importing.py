"""One import of one file, from where it stands to its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice

from sqlalchemy.orm import Session

from runup.database import Database
from subscribers.csv_file import Line
from subscribers.import_run import ImportRun, begin_run, unfinished_run
from subscribers.refused_rows import RefusedRows
from subscribers.transfer import Change, ImportOptions, Taken, take_in


class TwoAtOnce(Exception):
    """Another process imports this very file; the message says so."""


@dataclass(kw_only=True)
class Importing:
    """`fingerprint` empty: it cannot go on later, because the file cannot be read twice (a pipe), or nothing
    is kept of it (a dry run)."""

    database: Database
    options: ImportOptions
    fingerprint: str = ""
    counts: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    errors_size: int = 0
    began_at: datetime | None = None
    """When the import that this one goes on with was begun; None for a new one."""
    _run: int | None = None

    def begin(self, *, now: datetime) -> None:
        """Take up the import of this very file that was cut short, or begin one."""
        if not self.fingerprint:
            return
        with self.database.write() as session:
            run = unfinished_run(session, self.fingerprint)
            if run is not None:
                self.rows, self.errors_size, self.began_at = run.rows_taken, run.errors_size, run.began_at
                self.counts.update(run.tally())
            else:
                run = begin_run(session, self.fingerprint, source=self.options.source, now=now)
            self._run = run.id

    def go(
        self,
        lines: Iterable[Line],
        refused: RefusedRows,
        *,
        now: datetime,
        changed: Callable[[Session, int], object],
    ) -> Iterator[Taken]:
        """Bring in the rows that were not yet; each is counted in the transaction that keeps it.

        Raises TwoAtOnce when somebody else has gone on with it meanwhile.
        """

        def reached(session: Session, taken: Sequence[Taken]) -> None:
            self._write_down(session, taken, refused, now=now)

        left = islice(lines, self.rows, None)
        for taken in take_in(
            self.database, left, options=self.options, now=now, changed=changed, reached=reached
        ):
            if self.options.is_dry_run:
                self._count([taken], refused)
            yield taken
        self._finish(now=now)

    def _write_down(
        self, session: Session, taken: Sequence[Taken], refused: RefusedRows, *, now: datetime
    ) -> None:
        before = self.rows
        self._count(taken, refused)
        self.errors_size = refused.keep()
        run = session.get(ImportRun, self._run, with_for_update=True) if self._run else None
        if run is None:
            return
        if run.rows_taken != before or run.finished_at is not None:
            raise TwoAtOnce("this file is being imported by another process; let that one finish")
        run.reach(self.rows, self.counts, errors_size=self.errors_size, now=now)

    def _count(self, taken: Iterable[Taken], refused: RefusedRows) -> None:
        for row in taken:
            self.rows += 1
            self.counts[row.change] += 1
            self.counts["new_people"] += row.is_new
            self.counts["to_confirm"] += row.asks
            if row.change is Change.LEFT_OUT:
                self.counts[f"left_out:{row.why}"] += 1
            for column in row.errors:
                self.counts[f"refused:{column or 'line'}"] += 1
            if row.change is Change.REFUSED:
                refused.write(row.line, row.errors)

    def _finish(self, *, now: datetime) -> None:
        if self._run is None:
            return
        with self.database.write() as session:
            session.get_one(ImportRun, self._run).finished_at = now

    def part(self, kind: str) -> dict[str, int]:
        """The counts of one kind by what they are about: `left_out`, `refused`."""
        found = {key.partition(":")[2]: n for key, n in self.counts.items() if key.startswith(f"{kind}:")}
        return dict(sorted(found.items()))


def translated(lines: Iterable[Line], names: dict[str, str], always: dict[str, str]) -> Iterator[Line]:
    """Rows under our names for their columns, with what holds for every row that tells nothing itself."""
    for line in lines:
        if line.problem:
            yield line
            continue
        cells = {names[column]: cell for column, cell in line.cells.items() if column in names}
        if not any(cells.values()):
            continue  # of a list of refused rows: nothing of the row itself could be read
        cells |= {name: value for name, value in always.items() if not cells.get(name)}
        yield replace(line, cells=cells)
