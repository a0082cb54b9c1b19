from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
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
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return before


def require_newest(database: Database) -> None:
    """Raise DatabaseError unless the tables are those of this version of runup."""
    before = current_revision(database)
    _refuse_newer(before)
    if before != newest_revision():
        raise DatabaseError("the database is older than this runup; run `runup database upgrade`")


def _refuse_newer(revision: str | None) -> None:
    known = {script.revision for script in ScriptDirectory(str(_MIGRATIONS)).walk_revisions()}
    if revision is not None and revision not in known:
        raise DatabaseError(
            f"the database is from a newer runup (revision {revision}; known here: {newest_revision()}); "
            "install that version or restore a backup made before the upgrade"
        )


def _first_line(error: Exception) -> str:
    return str(getattr(error, "orig", error)).strip().splitlines()[0]
