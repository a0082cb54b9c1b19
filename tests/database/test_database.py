"""The ground floor: moments, transactions, and the history of the tables, on both databases."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError

import runup.operators  # noqa: F401 - maps the tables of the front door
import scheduler  # noqa: F401 - maps the tables of every room
from runup.database import (
    Base,
    Database,
    DatabaseError,
    current_revision,
    newest_revision,
    require_newest,
    upgrade,
)
from runup.database.revisions import MIGRATIONS, revisions
from subscribers import Subscriber

EVE = datetime(2026, 12, 3, 15, 0, tzinfo=UTC)


def ana(**changes: object) -> Subscriber:
    values = {
        "address": "ana@example.com",
        "address_hmac": "a" * 64,
        "home_zone": "Europe/Berlin",
        "created_at": EVE,
    }
    return Subscriber(**(values | changes))


def _add(database: Database, *people: Subscriber) -> None:
    with database.write() as session:
        for person in people:
            session.add(person)
            session.flush()


def test_a_moment_comes_back_in_utc_whatever_zone_it_was_written_in(database: Database) -> None:
    berlin = EVE.astimezone(ZoneInfo("Europe/Berlin"))
    with database.write() as session:
        session.add(ana(created_at=berlin))
    with database.read() as session:
        found = session.scalars(select(Subscriber)).one().created_at
    assert found == EVE
    assert found.tzinfo is UTC


def test_a_moment_without_a_zone_is_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="has no time zone"), database.write() as session:
        session.add(ana(created_at=EVE.replace(tzinfo=None)))


def test_moments_compare_in_the_database_as_they_do_in_python(database: Database) -> None:
    kiri = EVE.astimezone(ZoneInfo("Pacific/Kiritimati"))
    with database.write() as session:
        session.add(ana())
    with database.read() as session:
        assert session.scalars(select(Subscriber).where(Subscriber.created_at <= kiri)).all()
        assert not session.scalars(select(Subscriber).where(Subscriber.created_at < kiri)).all()


def test_a_failed_transaction_leaves_nothing_behind(database: Database) -> None:
    with pytest.raises(IntegrityError):
        _add(database, ana(), ana())  # the second one breaks the rule of one row per address
    with database.read() as session:
        assert session.scalars(select(Subscriber)).all() == []


def test_a_reader_can_change_nothing(database: Database) -> None:
    with database.read() as session:
        session.add(ana())
        with pytest.raises(DBAPIError):
            session.flush()
    _add(database, ana())  # the connection is as good as new for the next writer


def test_two_writers_one_after_the_other_lose_no_update(database: Database) -> None:
    with database.write() as session:
        session.add(ana())

    def add_one() -> None:
        for _ in range(25):
            with database.write() as session:
                found = session.scalars(select(Subscriber).with_for_update()).one()
                found.epoch += 1

    threads = [threading.Thread(target=add_one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as session:
        assert session.scalars(select(Subscriber.epoch)).one() == 100


def test_a_reference_to_nobody_is_refused(database: Database) -> None:
    with pytest.raises(IntegrityError), database.write() as session:
        session.execute(
            text(
                "INSERT INTO subscription (subscriber_id, list_key, subscribed_at)"
                " VALUES (4711, 'news', '2026-12-03 15:00:00')"
            )
        )


def test_the_migrations_make_exactly_the_tables_of_the_models(database: Database) -> None:
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_the_revisions_are_those_that_the_migrations_themselves_name() -> None:
    scripts = ScriptDirectory(str(MIGRATIONS))
    assert [script.revision for script in scripts.walk_revisions()] == [*reversed(revisions())]
    assert scripts.get_current_head() == newest_revision()


def test_a_command_that_reads_has_every_table_and_nothing_that_sends(database: Database) -> None:
    program = (
        "import sys, scheduler, runup.operators.rows\n"
        "from runup.database import Base\n"
        "heavy = {'alembic', 'apscheduler', 'scheduler.worker', 'scheduler.clock'}\n"
        "print(sorted(heavy & sys.modules.keys()), *sorted(Base.metadata.tables))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    none, *mapped = done.stdout.split()
    there = {*inspect(database.engine).get_table_names()} - {"alembic_version"}
    assert (none, {*mapped}) == ("[]", there)


def test_upgrading_twice_is_upgrading_once(database: Database) -> None:
    assert upgrade(database) == newest_revision()
    assert current_revision(database) == newest_revision()


def test_a_database_from_a_newer_runup_is_refused_and_not_touched(database: Database) -> None:
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseError, match=r"newer runup \(revision 9999"):
        upgrade(database)
    with pytest.raises(DatabaseError, match="newer runup"):
        require_newest(database)
    assert current_revision(database) == "9999"


def test_an_empty_database_is_asked_to_be_upgraded(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    with pytest.raises(DatabaseError, match="run `runup database upgrade`"):
        require_newest(database)


def test_an_empty_postgresql_is_upgraded(empty_postgresql_url: str) -> None:
    database = Database(empty_postgresql_url)
    assert upgrade(database) is None
    require_newest(database)
    database.close()


@pytest.mark.parametrize(
    ("url", "message"),
    [("mysql://root@localhost/x", "mysql is not supported"), ("no address", "cannot be read")],
)
def test_an_address_we_cannot_use_is_refused_in_words(url: str, message: str) -> None:
    with pytest.raises(DatabaseError, match=message):
        Database(url)


def test_a_folder_that_is_not_there_is_named_without_a_traceback() -> None:
    with pytest.raises(DatabaseError, match="cannot be opened"):
        current_revision(Database("sqlite:////nowhere/at/all/runup.db"))


def test_sqlite_keeps_what_it_has_acknowledged(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'runup.db'}")
    with database.engine.connect() as connection:
        found = {
            pragma: connection.execute(text(f"PRAGMA {pragma}")).scalar()
            for pragma in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_postgresql_keeps_what_it_has_acknowledged(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    with database.engine.connect() as connection:
        assert connection.execute(text("SHOW synchronous_commit")).scalar() == "on"
        assert connection.execute(text("SHOW statement_timeout")).scalar() == "1min"
    database.close()


def test_the_password_is_in_no_description(postgresql_url: str) -> None:
    assert "hunter2" not in repr(Database("postgresql://ana:hunter2@localhost/runup"))
