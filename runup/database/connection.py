from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.orm import Session

from runup.database.space import Space, is_full
from runup.database.turns import Turns

T = TypeVar("T")

BUSY_TIMEOUT_MS = 10_000
_FULL = 2
_READ_ONLY = {"runup_read_only": True}
# An error names the statement; its values are people, and errors end up in logs.
_QUIET = {"hide_parameters": True}


class DatabaseError(Exception):
    """The database cannot be used as it is; the message says why and what to do next."""


class Database:
    """One database and the two ways to use it: `write()` and `read()`.

    SQLite (WAL, synchronous=FULL, foreign keys, BEGIN IMMEDIATE) and PostgreSQL 15+ (psycopg 3) behave
    alike for the rooms: a write transaction that has begun will not lose an update to another.
    """

    def __init__(self, url: str) -> None:
        try:
            parsed = make_url(url)
        except ArgumentError:
            raise DatabaseError(
                f"the database address {url.split(':')[0]}:… cannot be read; see docs/reference/settings.md"
            ) from None
        if parsed.get_backend_name() not in ("sqlite", "postgresql"):
            raise DatabaseError(
                f"{parsed.get_backend_name()} is not supported; use sqlite:///file.db or postgresql://…"
            )
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self.file = (
            Path(parsed.database)
            if self.is_sqlite and parsed.database not in (None, "", ":memory:")
            else None
        )
        self.space = Space(self.file) if self.file is not None else None
        """Room for the file; None where somebody else looks after that (PostgreSQL, memory)."""
        self.engine = _sqlite(url, self.space) if self.is_sqlite else _postgresql(url)
        self._turns = Turns() if self.is_sqlite else None
        self._reader = self.engine.execution_options(
            **_READ_ONLY, **({} if self.is_sqlite else {"postgresql_readonly": True})
        )

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session in one transaction: committed (durably) at the end, rolled back on any exception.

        Never call a provider, render, or wait for anybody inside it: on SQLite every other writer waits.
        """
        turn = self._turns.take(within=BUSY_TIMEOUT_MS / 1000) if self._turns else nullcontext()
        with turn, Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    def insist(self, act: Callable[[Session], T]) -> T:
        """What `act` returns, once it is committed; done again when it found the disk full and throwing off
        the ballast made room. For what a person has a right to: to be left alone, to be forgotten."""
        try:
            with self.write() as session:
                return act(session)
        except OperationalError as error:
            if not is_full(error.orig):
                raise
        with self.write() as session:
            return act(session)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one state of the database and can change nothing."""
        with Session(self._reader, expire_on_commit=False, autoflush=False) as session:
            yield session

    def close(self) -> None:
        self.engine.dispose()

    def __repr__(self) -> str:
        return f"Database({self.engine.url.render_as_string(hide_password=True)!r})"


def _sqlite(url: str, space: Space | None) -> Engine:
    engine = create_engine(
        url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False}, **_QUIET
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: Any) -> None:
        # Our own BEGIN below: the driver's deferred one lets two claims read the same rows (delivery.md).
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            # NORMAL may roll a committed intent back at a power loss; an intent must not be forgotten.
            "synchronous=FULL",
            "foreign_keys=ON",
            f"busy_timeout={BUSY_TIMEOUT_MS}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        if cursor.execute("PRAGMA synchronous").fetchone() != (_FULL,):
            raise DatabaseError("this SQLite does not sync every commit; an intent could be forgotten")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        read_only = connection.get_execution_options().get("runup_read_only", False)
        if connection.info.get("runup_read_only") is not read_only:
            connection.exec_driver_sql(f"PRAGMA query_only={'ON' if read_only else 'OFF'}")
            connection.info["runup_read_only"] = read_only
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    @event.listens_for(engine, "handle_error")
    def make_room(context: ExceptionContext) -> None:
        if space is not None and is_full(context.original_exception):
            space.throw_off()

    return engine


def _postgresql(url: str) -> Engine:
    return create_engine(
        url,
        **_QUIET,
        pool_pre_ping=True,
        pool_size=10,
        max_overflow=20,
        connect_args={
            "connect_timeout": 10,
            "options": "-c timezone=UTC -c synchronous_commit=on -c statement_timeout=60000"
            " -c idle_in_transaction_session_timeout=60000",
        },
    )
