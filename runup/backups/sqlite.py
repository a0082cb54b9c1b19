"""SQLite's own backup API: one state of the database, whoever writes meanwhile."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

PAGES = 2_000
"""Copied at a time, 8 MB: between two of them somebody may look at the progress bar."""


def copy_sqlite(
    source: Path, target: Path, *, progress: Callable[[int, int], None] = lambda *_: None
) -> None:
    """Copy what is committed now to `target`, one file without a log beside it.

    Nobody waits: in WAL mode a reader holds up no writer. The transaction below keeps our state of the
    database; without one SQLite begins anew whenever another process has written, perhaps for ever.
    `progress` is told the pages copied and their number. Raises sqlite3.DatabaseError.
    """
    with (
        closing(sqlite3.connect(f"file:{_quoted(source)}?mode=ro", uri=True, isolation_level=None)) as reader,
        closing(sqlite3.connect(target, isolation_level=None)) as copy,
    ):
        reader.execute("PRAGMA busy_timeout=10000")
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        reader.backup(copy, pages=PAGES, progress=lambda _, left, total: progress(total - left, total))
        reader.execute("ROLLBACK")
        copy.execute("PRAGMA journal_mode=DELETE")


def damage_of(file: Path) -> str:
    """What SQLite finds wrong with a file, in its own words; empty when nothing is."""
    try:
        with closing(sqlite3.connect(f"file:{_quoted(file)}?mode=ro", uri=True)) as connection:
            found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if found == "ok" else found


def is_open_elsewhere(file: Path) -> bool:
    """Whether another process has this file open. Of a damaged one nobody can tell: then it is False."""
    try:
        with closing(sqlite3.connect(file, timeout=1.0, isolation_level=None)) as connection:
            # To leave WAL mode SQLite must be alone.
            connection.execute("PRAGMA journal_mode=DELETE").fetchone()
    except sqlite3.OperationalError as error:
        return (error.sqlite_errorcode & 0xFF) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    except sqlite3.DatabaseError:
        return False
    return False


def _quoted(file: Path) -> str:
    from urllib.parse import quote

    return quote(str(file.resolve()))
