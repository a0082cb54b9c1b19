"""`runup subscribers import`."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, TextIO

from cyclopts import Parameter

from runup.application import Application
from runup.cli.errors import BadInput
from runup.cli.opening import opened
from runup.cli.terminal import progress, say, show_facts
from runup.workspace import nearest
from scheduler import reconcile
from subscribers.csv_file import Line, UnreadableFile, read_csv
from subscribers.transfer import Change, ImportOptions, Taken, take_in
from subscribers.transfer_record import COLUMNS

_REQUIRED = ("email", "interview_date")
_TITLES = {"rows": "Rows", "added": "Added", "updated": "Updated", "unchanged": "Unchanged",
           "left_out": "Left out (not to be written to)", "refused": "Refused"}  # fmt: skip


def import_(
    file: Path,
    /,
    *,
    campaign: str = "",
    confirmed: bool = False,
    dry_run: bool = False,
    encoding: str = "",
    ignore: Annotated[list[str] | None, Parameter(consume_multiple=False)] = None,
    errors: Path | None = None,
    json: bool = False,
) -> int:
    """Bring in many people from a CSV file. Run it again after a fault: nobody is brought in twice.

    Without --confirmed everybody gets an email to confirm. Rows that are refused go to a file with their
    line and column; the others are imported. Exit code 1 when a row was refused.

    Parameters
    ----------
    file
        A CSV file whose first line names its columns; `-` reads standard input.
    campaign
        The sequence for rows that name none; the one of the settings if left out.
    confirmed
        They agreed already: every row says when (consent_at) and where that is recorded (consent_proof).
    dry_run
        Check every row and count; nothing is kept.
    encoding
        UTF-8 if left out, or what the file's own mark says. Others: latin-1, cp1252, utf-16.
    ignore
        A column to leave alone; may be repeated.
    errors
        Where refused rows are listed; FILE-errors.csv in the current folder if left out.
    json
        Print JSON: rows, added, updated, unchanged, left_out, refused, errors_file.
    """
    listing = errors or Path(f"{'import' if str(file) == '-' else file.stem}-errors.csv")
    with opened() as application, _reading(file) as (source, size):
        try:
            columns, lines = read_csv(source, encoding=encoding)
            _check_columns(columns, ignored=set(ignore or ()))
        except UnreadableFile as error:
            raise BadInput(f"{file}: {error}") from None
        options = _options(application, campaign, file, is_confirmed=confirmed, is_dry_run=dry_run)
        counts = _take_in(application, lines, options, listing=listing, source=source, size=size)
    facts = {"rows": sum(counts.values()), **{change.value: counts[change] for change in Change}}
    facts["errors_file"] = str(listing) if counts[Change.REFUSED] else None  # type: ignore[assignment]
    show_facts(facts, _TITLES, as_json=json)
    if not json:
        _say_what_next(counts, listing, options)
    return 1 if counts[Change.REFUSED] else 0


def _take_in(
    application: Application,
    lines: Iterator[Line],
    options: ImportOptions,
    *,
    listing: Path,
    source: BinaryIO,
    size: int | None,
) -> Counter[Change]:
    counts: Counter[Change] = Counter()
    now = application.clock()
    taken = take_in(
        application.database,
        lines,
        options=options,
        now=now,
        changed=lambda session, person: reconcile(session, person, catalog=application.catalog, now=now),
    )
    with _Errors(listing) as refused, progress("Importing", size, unit="bytes") as advance:
        read = 0
        for row in taken:
            counts[row.change] += 1
            refused.write(row)
            if size is not None:
                advance(source.tell() - read)
                read = source.tell()
    return counts


class _Errors:
    """The list of refused rows; the file is made with the first of them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None

    def __enter__(self) -> _Errors:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()

    def write(self, row: Taken) -> None:
        for column, problem in row.errors.items():
            if self._file is None:
                self._file = self._path.open("w", encoding="utf-8", newline="")
                csv.writer(self._file).writerow(("line", "column", "problem"))
            csv.writer(self._file).writerow((row.number, column, problem))


def _options(
    application: Application, campaign: str, file: Path, *, is_confirmed: bool, is_dry_run: bool
) -> ImportOptions:
    key = campaign or application.settings.campaign
    keys = application.catalog.keys()
    if key not in keys:
        raise BadInput(f"--campaign: there is no campaign {key!r}{nearest(key, keys)}")
    return ImportOptions(
        campaign=key,
        campaigns=keys,
        source=f"import: {file.name}",
        hmac_key=application.hmac_key,
        is_confirmed=is_confirmed,
        is_dry_run=is_dry_run,
    )


def _check_columns(columns: list[str], *, ignored: set[str]) -> None:
    for name in columns:
        if name and name not in COLUMNS and name not in ignored:
            raise UnreadableFile(
                f"there is no column {name[:60]!r}{nearest(name, COLUMNS)} (known: {', '.join(COLUMNS)}; "
                f"--ignore {name[:60]} leaves it alone)"
            )
    for name in _REQUIRED:
        if name not in columns:
            raise UnreadableFile(f"the column {name!r} is missing; the first line must name the columns")


def _say_what_next(counts: Counter[Change], listing: Path, options: ImportOptions) -> None:
    if counts[Change.REFUSED]:
        say(f"{listing} tells what is wrong with each refused row; put it right and import the file again.")
    if options.is_dry_run:
        say("This was a dry run: nothing has been kept.")
    elif counts[Change.ADDED] and not options.is_confirmed:
        say("Everybody added gets an email to confirm; nothing else leaves until they do.")


@contextmanager
def _reading(file: Path) -> Iterator[tuple[BinaryIO, int | None]]:
    """The file and its size; None when that cannot be known. A device or a pipe by name is refused."""
    if str(file) == "-":
        yield sys.stdin.buffer, None
        return
    if not file.is_file():
        raise BadInput(f"{file} is not a file" if file.exists() else f"there is no file {file}")
    with file.open("rb") as source:
        yield source, file.stat().st_size
