"""The files of an import: what is read, how its columns are called, where refused rows go."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from runup.cli.errors import BadInput
from runup.cli.terminal import note
from subscribers.columns import ColumnMapping, load_mapping, parse_mapping, save_mapping
from subscribers.csv_file import UnreadableFile
from subscribers.transfer_record import COLUMNS


def remembered(
    mapping: Path | None, default: Path, pairs: Sequence[str], ignored: Sequence[str], always: Sequence[str]
) -> ColumnMapping:
    """What is said now, over what was remembered; kept for the next time."""
    said = parse_mapping(pairs, ignored, always, known=COLUMNS)
    place = mapping or default
    if mapping is not None and not said and not mapping.is_file():
        raise BadInput(f"there is no mapping {mapping}; --map says how the file's columns are called")
    known = load_mapping(place, known=COLUMNS) if place.is_file() else ColumnMapping()
    if said and said.over(known) != known:
        save_mapping(place, said.over(known))
        note(f"{place} remembers this mapping")
    return said.over(known)


def check_columns(names: set[str]) -> None:
    if "email" not in names:
        raise UnreadableFile(
            "the column 'email' is missing; the first line must name the columns, or --map email=… says "
            "which one it is"
        )
    if not names & {"interview_date", "list"}:
        raise UnreadableFile(
            "the column 'interview_date' is missing; for readers of a newsletter alone, --set list=KEY or a "
            "column 'list' names it"
        )


def check_listing(listing: Path, file: Path) -> None:
    if listing.exists() and (not listing.is_file() or listing.is_symlink()):
        raise BadInput(f"--errors: {listing} is there and is no plain file; name another")
    if listing.exists() and file.exists() and listing.samefile(file):
        raise BadInput(f"--errors: {listing} is the file to import; name another")


@contextmanager
def reading(file: Path) -> Iterator[tuple[BinaryIO, int | None]]:
    """The file and its size; None when that cannot be known. A device or a pipe by name is refused."""
    if str(file) == "-":
        yield sys.stdin.buffer, None
        return
    if not file.is_file():
        raise BadInput(f"{file} is not a file" if file.exists() else f"there is no file {file}")
    with file.open("rb") as source:
        yield source, file.stat().st_size
