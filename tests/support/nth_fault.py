"""The n-th thing asked of a database fails: a statement, or a commit that did or did not arrive."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from runup.database import Database


class How(StrEnum):
    STATEMENT = "a statement fails"
    COMMIT = "a commit fails"
    COMMIT_UNKNOWN = "a commit arrives and its answer is lost"
    COLLISION = "another transaction is in the way"


class _Deadlock(Exception):
    sqlstate = "40P01"


@dataclass
class Countdown:
    how: How
    left: int
    has_failed: bool = False

    def is_over(self) -> bool:
        if self.has_failed:
            return False
        self.left -= 1
        self.has_failed = self.left == 0
        return self.has_failed


@contextmanager
def the_nth_fails(database: Database, n: int, how: How) -> Iterator[Countdown]:
    """Whether it came to that is in `has_failed`. A connection whose commit failed is closed."""
    countdown = Countdown(how, n)

    def on_statement(*call: Any) -> None:
        if call[2].startswith("PRAGMA") or not countdown.is_over():
            return
        raise _collision(database) if how is How.COLLISION else _gone(call[2])

    def on_commit(connection: Any) -> None:
        if not countdown.is_over():
            return
        raw = connection.connection
        if how is How.COMMIT_UNKNOWN:
            raw.driver_connection.commit()
        connection.invalidate()
        raise _gone("COMMIT")

    is_commit = how in (How.COMMIT, How.COMMIT_UNKNOWN)
    name, listener = ("commit", on_commit) if is_commit else ("before_cursor_execute", on_statement)
    event.listen(database.engine, name, listener)
    try:
        yield countdown
    finally:
        event.remove(database.engine, name, listener)


def _gone(statement: str) -> OperationalError:
    return OperationalError(statement, None, Exception("server closed the connection unexpectedly"))


def _collision(database: Database) -> OperationalError:
    if not database.is_sqlite:
        return OperationalError("UPDATE", None, _Deadlock())
    busy = sqlite3.OperationalError("database is locked")
    busy.sqlite_errorcode = sqlite3.SQLITE_BUSY
    return OperationalError("UPDATE", None, busy)
