from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType

import structlog
from sqlalchemy.exc import DBAPIError

from runup.database import Database
from scheduler.braking import put_on
from scheduler.transaction import transact

log = structlog.get_logger(__name__)

DAMAGED = "damaged"
"""The kind of the brake."""
_SQLITE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_POSTGRESQL = ("XX001", "XX002")
"""Data corrupted, index corrupted."""


@dataclass(kw_only=True)
class DamageWatch:
    """Sees a damaged database by what it raises, as a context around the work.

    From then on `words` says so, for the rest of this process, and a brake stops all others and the next
    start, if one can still be written. Nothing is repaired or deleted: what can be read is worth more
    than a clean file.
    """

    database: Database
    clock: Callable[[], datetime]
    words: str = ""

    def __enter__(self) -> None: ...

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if is_damage(error) and not self.words:
            self.words = f"the database is damaged: {_first_line(error)}; `runup doctor` says more"
            log.critical("database_damaged", error=_first_line(error))
            self._put_on()

    def _put_on(self) -> None:
        try:
            transact(self.database, lambda s: put_on(s, DAMAGED, self.words, now=self.clock()))
        except DBAPIError:
            log.error("brake_not_written")


def is_damage(error: BaseException | None) -> bool:
    if not isinstance(error, DBAPIError):
        return False
    code = getattr(error.orig, "sqlite_errorcode", None)
    return (code is not None and code & 0xFF in _SQLITE) or getattr(
        error.orig, "sqlstate", None
    ) in _POSTGRESQL


def _first_line(error: BaseException | None) -> str:
    """The driver's words only: SQLAlchemy's own repeat the statement."""
    return str(getattr(error, "orig", "")).strip().partition("\n")[0]
