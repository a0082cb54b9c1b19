"""`runup subscribers export`."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from runup.cli.errors import BadInput
from runup.cli.opening import opened
from runup.cli.terminal import Advance, note, progress
from subscribers.csv_file import write_csv
from subscribers.transfer_out import count_people as count_rows
from subscribers.transfer_out import rows_of
from subscribers.transfer_record import COLUMNS


def export(file: Path = Path("-"), /, *, force: bool = False) -> None:
    """Write everybody's interviews to a CSV file; `import` reads it back.

    It holds full addresses: keep it safe. A cell that a spreadsheet would run begins with an apostrophe;
    `import` takes it off again.

    Parameters
    ----------
    file
        Where to write; `-` for standard output.
    force
        Replace a file that is there.
    """
    with opened() as application, application.database.read() as session:
        total = count_rows(session)
        with _writing(file, force=force) as target, progress("Exporting", total, unit="rows") as advance:
            write_csv(target, COLUMNS, _counted(rows_of(session), advance))
    note(f"{total} rows written")


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
