"""One database of each kind for all questions: nothing here writes after it was filled."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from databases import database, database_url, postgresql_server, postgresql_url, sqlite_url
from many_sends import fill

from runup.database import Database, upgrade

__all__ = ["database", "database_url", "postgresql_server", "postgresql_url", "sqlite_url"]


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Sixty people and 900 sends over seventy days, on SQLite."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('filled') / 'runup.db'}")
    upgrade(database)
    with database.write() as session:
        fill(session, people=60, sends_each=15, days=70)
    yield database
    database.close()
