"""The rows of an import that were refused, as a file to put right and import again."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

from subscribers.columns import ABOUT_ERRORS
from subscribers.csv_file import Line, armored

_REMEDY = {
    "": "put this line right in the file itself",
    "email": "write one plain address such as ana@example.com, without a name or < > around it",
    "interview_date": "write a day such as 2026-12-04, at most 60 days past and a year ahead",
    "interview_time": "write 14:00, or leave it empty",
    "home_zone": "write a place such as Europe/Berlin, or --set home_zone=Europe/Berlin for the whole file",
    "interview_zone": "write a place such as Europe/Berlin, or leave it empty",
    "campaign": "write the key of a sequence, or leave it empty",
    "list": "write the key of a newsletter list, or leave it empty",
    "tags": "write words with spaces between them",
    "consent_at": "write the moment such as 2026-11-04T09:30Z, or import without --confirmed",
    "consent_proof": "write where their consent is recorded, or import without --confirmed",
    "country": "write two letters such as DE, or leave it empty",
    "decision_on": "write a day after the interview such as 2026-12-11, or leave it empty",
}
_ELSE = "write one of the values named, or leave it empty"
_MOMENT = "write it like 2026-11-04T09:30Z, or leave it empty"


class RefusedRows:
    """A list on disk, made with its first row; only its owner can read it, for it holds people's data.

    `size`: of a list that was begun before, the bytes that count; what stands behind them was written by an
    import that was killed before it had kept its rows.
    """

    def __init__(self, path: Path, titles: Sequence[str], *, size: int = 0) -> None:
        self._path = path
        self._titles = titles
        self._size = size
        self._file: TextIO | None = None

    def __enter__(self) -> RefusedRows:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()

    def write(self, line: Line, errors: Mapping[str, str]) -> None:
        """One row, with what is wrong with it and what to do."""
        file = self._file = self._file or self._open()
        raw = [armored(cell) for cell in line.raw]
        cells = raw + [""] * (len(self._titles) - len(raw))
        about = (line.number, *(_joined(errors, part) for part in (_columns, _problem, _remedy)))
        csv.writer(file).writerow((*about, *cells))

    def keep(self) -> int:
        """What was written is on the disk; returns how many bytes that is."""
        if self._file:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._size = os.fstat(self._file.fileno()).st_size
        return self._size

    def _open(self) -> TextIO:
        # A link in its place could lead to any file of ours.
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
        file = os.fdopen(handle, "w", encoding="utf-8", newline="")
        is_begun = 0 < self._size <= os.fstat(handle).st_size
        os.ftruncate(handle, self._size if is_begun else 0)
        file.seek(0, os.SEEK_END)
        if not is_begun:
            titles = [armored(title) for title in self._titles]
            csv.writer(file).writerow((*ABOUT_ERRORS, *titles))
        return file


def remedy(column: str) -> str:
    """What to do about an error in this column."""
    return _REMEDY.get(column) or (_MOMENT if column.endswith("_at") else _ELSE)


def _columns(column: str, _problem: str) -> str:
    return column


def _problem(column: str, problem: str) -> str:
    return f"{column}: {problem}" if column else problem


def _remedy(column: str, _problem: str) -> str:
    return remedy(column)


def _joined(errors: Mapping[str, str], part: object) -> str:
    assert callable(part)
    return armored("; ".join(dict.fromkeys(part(column, str(text)) for column, text in errors.items())))
