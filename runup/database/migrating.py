from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from runup.database.connection import Database, DatabaseError

_MIGRATIONS = Path(__file__).parent / "migrations"


def newest_revision() -> str:
    """The revision this version of runup works with."""
    head = ScriptDirectory(str(_MIGRATIONS)).get_current_head()
    assert head is not None, "the package ships its migrations"
    return head


def current_revision(database: Database) -> str | None:
    """The revision the database stands at; None when it is empty."""
    try:
        with database.engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    except OperationalError as error:
        raise DatabaseError(f"{database!r} cannot be opened: {_first_line(error)}") from None


def upgrade(database: Database) -> str | None:
    """Bring the tables to `newest_revision()`; harmless when they are there. Returns the revision before.

    Raises DatabaseError when the database was written by a newer runup: nothing is changed then.
    """
    before = current_revision(database)
    _refuse_newer(before)
    if before == newest_revision():
        return before
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
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


def require_newest(database: Database) -> None:
    """Raise DatabaseError unless the tables are those of this version of runup."""
    before = current_revision(database)
    _refuse_newer(before)
    if before != newest_revision():
        raise DatabaseError("the database is older than this runup; run `runup database upgrade`")


def knows_revision(revision: str) -> bool:
    """Whether this version of runup can upgrade tables of that revision; "" is an empty database."""
    known = {script.revision for script in ScriptDirectory(str(_MIGRATIONS)).walk_revisions()}
    return not revision or revision in known


def _refuse_newer(revision: str | None) -> None:
    if revision is not None and not knows_revision(revision):
        raise DatabaseError(
            f"the database is from a newer runup (revision {revision}; known here: {newest_revision()}); "
            "install that version or restore a backup made before the upgrade"
        )


def _first_line(error: Exception) -> str:
    return str(getattr(error, "orig", error)).strip().splitlines()[0]
