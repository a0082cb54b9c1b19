from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TypeVar

import stamina
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from runup.database import Database
from runup.database.space import is_full

T = TypeVar("T")

_TRIES = 5
_COME_AGAIN = {"40001", "40P01", "55P03"}
"""PostgreSQL: serialization failure, deadlock, lock not available."""


def transact(database: Database, act: Callable[[Session], T]) -> T:
    """What `act` returns, once its transaction is durable.

    Another transaction being in the way is no failure: the whole act is done again, a few times. A lost
    connection is not tried again: its COMMIT may have arrived, and only the rows themselves can tell.
    """
    for attempt in stamina.retry_context(
        on=_is_collision, attempts=_TRIES, timeout=30, wait_initial=0.01, wait_max=0.5, wait_jitter=0.02
    ):
        with attempt, database.write() as session:
            return act(session)
    raise AssertionError("stamina returns or raises")


def _is_collision(error: Exception) -> bool:
    """The database rolled everything back and asks to come again."""
    if not isinstance(error, OperationalError):
        return False
    if getattr(error.orig, "sqlstate", None) in _COME_AGAIN:
        return True
    if is_full(error.orig):
        return True  # the ballast has been thrown off meanwhile
    # The primary code is the low byte: SQLITE_BUSY has variants.
    code = getattr(error.orig, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
