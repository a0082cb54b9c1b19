"""Many subscribers at once, in from a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import islice

from sqlalchemy.orm import Session

from runup.database import Database
from subscribers.address import address_hmac
from subscribers.csv_file import Line
from subscribers.signup import InvalidSignUp
from subscribers.transfer_record import Known, Record

BATCH = 200
"""Rows per transaction: long enough to be quick, short enough that the site's writes hardly wait."""


class Change(StrEnum):
    """What became of a row."""

    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    LEFT_OUT = "left_out"
    """The address must not be written to; its row is not kept."""
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """What rows may name, and how far the file is believed; `source` is written into each consent."""

    known: Known
    source: str
    hmac_key: bytes = field(repr=False)
    is_confirmed: bool = False
    """Take the file's word that these people agreed: every row needs its proof (`Record.parse`)."""
    is_dry_run: bool = False


@dataclass(frozen=True)
class Taken:
    """A row of the file and what became of it. `errors`: per column; under "" what is wrong with it all."""

    line: Line
    change: Change
    errors: Mapping[str, str] = field(default_factory=dict)
    is_new: bool = False
    """The person was not known before."""
    asks: bool = False
    """They get an email to confirm."""
    why: str = ""
    """Of a row that is left out: the reason of the suppression."""

    @property
    def number(self) -> int:
        return self.line.number


@dataclass(frozen=True)
class Row:
    """A row that has been read: its record, with the address's hash, or what is wrong with it."""

    line: Line
    record: Record | None = None
    key: str = field(default="", repr=False)
    errors: Mapping[str, str] = field(default_factory=dict)


def take_in(
    database: Database,
    lines: Iterable[Line],
    *,
    options: ImportOptions,
    now: datetime,
    changed: Callable[[Session, int], object],
    reached: Callable[[Session, Sequence[Taken]], object] = lambda _session, _taken: None,
) -> Iterator[Taken]:
    """Bring in rows, BATCH to a transaction, and say what became of each once it is kept for good.

    The same row twice is one interview, so an import that was cut short can simply be run again. It adds
    people, interviews and places on lists and fills in what was unknown; what is known already is never
    overwritten, and who must not be written to stays that way. In the same transaction `changed` is called
    with each changed subscriber's id, and `reached` with all that it kept.
    """
    from subscribers.transfer_batch import bring_in

    remaining = iter(lines)
    while batch := [_check(line, options=options, now=now) for line in islice(remaining, BATCH)]:
        with database.write() as session:
            trial = session.begin_nested() if options.is_dry_run else None
            taken = bring_in(session, batch, options=options, now=now, changed=changed)
            if trial is not None:
                trial.rollback()
            else:
                reached(session, taken)
        yield from taken


def _check(line: Line, *, options: ImportOptions, now: datetime) -> Row:
    if line.problem:
        return Row(line, errors={"": line.problem})
    try:
        record = Record.parse(line.cells, known=options.known, is_confirmed=options.is_confirmed, now=now)
    except InvalidSignUp as error:
        return Row(line, errors=error.errors)
    return Row(line, record, address_hmac(record.address, options.hmac_key))
