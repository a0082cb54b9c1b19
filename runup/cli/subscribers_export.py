"""`runup subscribers export`."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from sqlalchemy import select

from runup.application import Application
from runup.cli.errors import BadInput
from runup.cli.opening import opened
from runup.cli.terminal import Advance, note, progress
from runup.cli.whom import Whom
from subscribers import Happened, Subscriber, remember
from subscribers.csv_file import write_csv, write_lines
from subscribers.past import remember_of_many
from subscribers.searching import Search
from subscribers.transfer_out import count_rows, rows_of
from subscribers.transfer_record import COLUMNS

_EVERYBODY = Whom()


def export(
    file: Path = Path("-"),
    /,
    whom: Whom = _EVERYBODY,
    *,
    text: str = "",
    lines: bool = False,
    force: bool = False,
) -> None:
    """Write people's interviews and places on lists to a CSV file; `import` reads it back.

    It holds full addresses: keep it safe. A cell that a spreadsheet would run begins with an apostrophe;
    `import` takes it off again. That somebody was exported is part of their history.

    Parameters
    ----------
    file
        Where to write; `-` for standard output.
    text
        Only people with this in their address or name.
    lines
        JSON, one row a line, instead of CSV; so for a FILE that ends in .jsonl.
    force
        Replace a file that is there.
    """
    with opened() as application:
        with application.database.read() as session:
            wanted = whom.search(application, text=text)
            where = wanted.conditions()
            total = count_rows(session, *where)
            with _writing(file, force=force) as target, progress("Exporting", total, unit="rows") as advance:
                rows = _counted(rows_of(session, *where), advance)
                write = write_lines if lines or file.suffix == ".jsonl" else write_csv
                written = write(target, COLUMNS, rows)
        _remember(application, wanted, f"{written} rows")
    note(f"{written} rows written")


def _remember(application: Application, wanted: Search, detail: str) -> None:
    with application.database.write() as session:
        if wanted.is_everybody:
            remember(session, None, Happened.EXPORTED, at=application.clock(), detail=detail)
        else:
            people = select(Subscriber.id).where(*wanted.conditions())
            remember_of_many(session, people, Happened.EXPORTED, at=application.clock(), detail=detail)


@contextmanager
def _writing(file: Path, *, force: bool) -> Iterator[TextIO]:
    """The target, which appears whole or not at all and only its owner can read."""
    if str(file) == "-":
        yield sys.stdout
        return
    if file.exists() and not force:
        raise BadInput(f"{file} is there already; --force replaces it")
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as target:
            yield target
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _counted(rows: Iterable[dict[str, str]], advance: Advance) -> Iterator[dict[str, str]]:
    for row in rows:
        yield row
        advance(1)
