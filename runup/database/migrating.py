from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from runup.database.connection import Database, DatabaseError
from runup.database.revisions import MIGRATIONS, current_revision, newest_revision, refuse_newer


def upgrade(database: Database) -> str | None:
    """Bring the tables to `newest_revision()`; harmless when they are there. Returns the revision before.

    Raises DatabaseError when the database was written by a newer runup: nothing is changed then.
    """
    before = current_revision(database)
    refuse_newer(before)
    if before == newest_revision():
        return before
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with _free_of_references(database) as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        _refuse_broken_references(database, connection)
    return before


@contextmanager
def _free_of_references(database: Database) -> Iterator[Connection]:
    """A connection on which SQLite lets a table be made anew that others refer to. It only listens to that
    before the transaction; `_refuse_broken_references` looks at the end of it."""
    with database.engine.connect() as connection:
        if not database.is_sqlite:
            yield connection
            return
        raw = connection.connection.dbapi_connection
        assert raw is not None, "it has just been opened"
        raw.execute("PRAGMA foreign_keys=OFF")
        try:
            yield connection
        finally:
            raw.execute("PRAGMA foreign_keys=ON")


def _refuse_broken_references(database: Database, connection: Connection) -> None:
    if not database.is_sqlite:
        return
    if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").first():
        raise DatabaseError(
            f"a row of the table {broken[0]} refers to one of {broken[2]} that is not there; nothing was "
            "changed, restore a backup"
        )
