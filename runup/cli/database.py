"""`runup database`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cyclopts import App
from sqlalchemy import text

from runup.cli.errors import Failed
from runup.cli.opening import require_file
from runup.cli.terminal import say, show_facts
from runup.database import Database, current_revision, newest_revision, require_newest
from runup.database import upgrade as upgrade_tables
from runup.settings import Settings
from subscribers.mailboxes import fill_mailboxes

app = App(name="database", help="Upgrade and check the tables.")


@app.command
def upgrade() -> None:
    """Bring the tables to this version of runup. Harmless when they are there. Make a backup first."""
    settings = Settings.load()
    database = Database(settings.database_url)
    try:
        before = upgrade_tables(database)
        _fill_in(database, settings)
    finally:
        database.close()
    newest = newest_revision()
    say(
        f"the tables are at {newest} already"
        if before == newest
        else f"upgraded from {before or 'empty'} to {newest}"
    )


@app.command
def status(*, json: bool = False) -> None:
    """Which database this is and the revision of its tables. Exit code 1 unless it is the newest.

    Parameters
    ----------
    json
        Print JSON: database, revision, newest, is_current.
    """
    with _database() as database:
        revision = current_revision(database)
        facts = {
            "database": database.engine.url.render_as_string(hide_password=True),
            "revision": revision,
            "newest": newest_revision(),
            "is_current": revision == newest_revision(),
        }
        titles = {
            "database": "Database",
            "revision": "Revision",
            "newest": "Newest",
            "is_current": "Up to date",
        }
        show_facts(facts, titles, as_json=json)
        if not json:
            require_newest(database)
    if not facts["is_current"]:
        raise Failed("the tables are not those of this runup; run `runup database upgrade`")


@app.command
def check() -> None:
    """Read the whole database for damage (SQLite: integrity, foreign keys). Exit code 1 if there is any."""
    with _database() as database:
        require_newest(database)
        problems = integrity(database)
    if problems:
        raise Failed("\n".join([*problems, "restore the newest backup; docs/how-to has the steps"]))
    say("no damage found")


def integrity(database: Database) -> list[str]:
    """What SQLite says is broken. PostgreSQL checks its pages itself: there it is enough that it answers."""
    with database.engine.connect() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT 1"))
            return []
        found = [str(row[0]) for row in connection.execute(text("PRAGMA integrity_check(20)"))]
        orphans = connection.execute(text("PRAGMA foreign_key_check")).fetchmany(20)
    problems = [] if found == ["ok"] else found
    return problems + [f"{row[0]} row {row[1]} refers to a missing {row[2]}" for row in orphans]


@contextmanager
def _database() -> Iterator[Database]:
    settings = Settings.load()
    database = Database(settings.database_url)
    try:
        require_file(database)
        yield database
    finally:
        database.close()


def _fill_in(database: Database, settings: Settings) -> None:
    """What a migration cannot know, for it has no key."""
    key = settings.suppression_key.get_secret_value().encode()
    while key:
        with database.write() as session:
            if not fill_mailboxes(session, hmac_key=key):
                return
