"""At which revision the tables stand, and which ones this version of runup knows.

Every command asks before it does anything, so nothing of Alembic's is imported here: that takes longer than
most commands do.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from sqlalchemy import inspect, text
from sqlalchemy.exc import OperationalError

from runup.database.connection import Database, DatabaseError

MIGRATIONS = Path(__file__).parent / "migrations"
_FILE = re.compile(r"(\d{4})_\w+\.py")


@cache
def revisions() -> tuple[str, ...]:
    """Those of the migrations that the package ships, in their order: the beginning of each file's name."""
    found = (_FILE.fullmatch(file.name) for file in (MIGRATIONS / "versions").iterdir())
    return tuple(sorted(one[1] for one in found if one))


def newest_revision() -> str:
    """The revision this version of runup works with."""
    return revisions()[-1]


def knows_revision(revision: str) -> bool:
    """Whether this version of runup can upgrade tables of that revision; "" is an empty database."""
    return not revision or revision in revisions()


def current_revision(database: Database) -> str | None:
    """The revision the database stands at; None when it is empty."""
    try:
        with database.engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            found = connection.scalar(text("SELECT version_num FROM alembic_version"))
            return str(found) if found else None
    except OperationalError as error:
        raise DatabaseError(f"{database!r} cannot be opened: {_first_line(error)}") from None


def require_newest(database: Database) -> None:
    """Raise DatabaseError unless the tables are those of this version of runup."""
    before = current_revision(database)
    refuse_newer(before)
    if before != newest_revision():
        raise DatabaseError("the database is older than this runup; run `runup database upgrade`")


def refuse_newer(revision: str | None) -> None:
    """Raise DatabaseError for tables of a later version of runup."""
    if revision is not None and not knows_revision(revision):
        raise DatabaseError(
            f"the database is from a newer runup (revision {revision}; known here: {newest_revision()}); "
            "install that version or restore a backup made before the upgrade"
        )


def _first_line(error: Exception) -> str:
    return str(getattr(error, "orig", error)).strip().splitlines()[0]
