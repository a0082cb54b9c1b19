"""A backup while emails leave, and the way back: nothing lost that was in it, nothing sent twice."""

from __future__ import annotations

import io
import tarfile
from collections import Counter
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import func, select
from town import Town

from delivery.email import Email
from delivery.inbox import read_outbox
from delivery.provider import Accepted
from runup.backups import (
    BadBackup,
    Fingerprints,
    Manifest,
    Refused,
    check_archive,
    make_backup,
    refuse,
    restore,
)
from runup.backups.archive import write_archive
from runup.backups.postgresql import ToolFailed
from runup.backups.sqlite import copy_sqlite
from runup.database import Database, require_newest, space
from scheduler import Heartbeat, Journal, Send, only_worker
from scheduler.braking import active_holds, release_brake
from scheduler.webhook import Webhook, WebhookPost
from scheduler.webhook_triggers import agree
from subscribers import Subscriber

KEYS = Fingerprints("one", ("two",))


class Recording:
    """A provider that does something in the middle of its work."""

    def __init__(self, provider, *, after: int, act) -> None:
        self._provider, self._after, self._act, self.calls = provider, after, act, 0

    def deliver(self, email: Email) -> Accepted:
        self.calls += 1
        if self.calls == self._after:
            self._act()
        return self._provider.deliver(email)

    def __getattr__(self, name):
        return getattr(self._provider, name)


def back_up(town: Town, file: Path, *, journal: Path, **more):
    return make_backup(town.database, file, journal=journal, keys=KEYS, now=town.now, **more)


def copies(folder: Path) -> Counter[tuple[str, str]]:
    return Counter((email.recipient, email.subject) for email in read_outbox(folder))


def count(database: Database, of) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(of)) or 0


def test_a_backup_in_the_middle_of_sending_comes_back_and_nobody_gets_anything_twice(
    town: Town, tmp_path: Path
) -> None:
    file, journal = tmp_path / "night.tar.gz", tmp_path / "journal"
    town.people(6)
    provider = Recording(town.provider, after=3, act=lambda: back_up(town, file, journal=journal))
    town.tick(provider=provider, journal=Journal(journal))
    assert len(copies(tmp_path / "outbox")) == 6
    before = count(town.database, Subscriber)
    town.later(hours=1)
    town.person("late")  # after the backup: this one is lost with the database
    town.tick(journal=Journal(journal))

    town.later(minutes=10)
    done = restore(file, town.database, journal=journal, now=town.now)
    assert done.replayed >= 4, "three had left before it, and the journal knows of the rest"
    assert count(town.database, Subscriber) == before
    with town.database.read() as session:
        assert [hold.kind for hold in active_holds(session)] == ["restored"]
    town.tick(journal=Journal(journal))
    assert max(copies(tmp_path / "outbox").values()) == 1, "it starts stopped"

    with town.write() as session:
        release_brake(session, now=town.now)
    town.tick(journal=Journal(journal))
    for _ in range(4):
        town.later(days=2)
        town.tick(journal=Journal(journal))
    found = copies(tmp_path / "outbox")
    assert max(found.values()) == 1
    assert sum(found.values()) > 7, "and it goes on"


def test_without_the_journal_a_restored_database_still_waits_for_somebody(town: Town, tmp_path: Path) -> None:
    file = tmp_path / "b.tar"
    town.people(2)
    back_up(town, file, journal=tmp_path / "journal")
    town.tick()
    town.later(minutes=5)
    restore(file, town.database, journal=tmp_path / "another", now=town.now)
    town.tick()
    assert max(copies(tmp_path / "outbox").values()) == 1
    with town.database.read() as session:
        assert "may leave once more" in active_holds(session)[0].detail


def test_the_journal_in_the_backup_joins_the_one_that_is_here(town: Town, tmp_path: Path) -> None:
    file, journal = tmp_path / "b.tar", tmp_path / "journal"
    town.people(2)
    town.tick(journal=Journal(journal))
    back_up(town, file, journal=journal)
    told = list(Journal(journal).lines())
    town.later(days=1)
    for where in (journal, tmp_path / "empty"):
        for _ in range(2):
            restore(file, town.database, journal=where, now=town.now)
            assert list(Journal(where).lines()) == told
            town.later(seconds=1)


def test_nobody_waits_for_a_backup_and_it_shows_one_moment(tmp_path: Path, sqlite_url: str, catalog) -> None:
    from delivery import OutboxConfig, open_provider

    database = Database(sqlite_url)
    town = Town(database=database, catalog=catalog, provider=open_provider(OutboxConfig(folder=tmp_path)))
    town.people(3)
    written = []

    def write_meanwhile(done: int, total: int) -> None:
        if len(written) < 2:
            town.person(f"meanwhile{len(written)}")  # another connection, a whole transaction
            written.append(done < total)

    from runup.backups import sqlite

    pages, sqlite.PAGES = sqlite.PAGES, 5
    try:
        copy_sqlite(database.file, tmp_path / "copy.db", progress=write_meanwhile)
    finally:
        sqlite.PAGES = pages
    assert written == [True, True]
    copy = Database(f"sqlite:///{tmp_path / 'copy.db'}")
    assert (count(copy, Subscriber), count(database, Subscriber)) == (3, 5)
    copy.close()
    town.close()
    database.close()


@pytest.fixture
def backup(town: Town, tmp_path: Path) -> Path:
    town.ana()
    back_up(town, tmp_path / "b.tar", journal=tmp_path / "journal")
    return tmp_path / "b.tar"


@pytest.fixture
def on_sqlite(database: Database) -> None:
    if not database.is_sqlite:
        pytest.fail("asked for on one database only")


only_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
only_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@only_sqlite
def test_a_backup_is_readable_by_its_owner_alone_and_holds_no_key(backup: Path) -> None:
    assert backup.stat().st_mode & 0o777 == 0o600
    manifest = check_archive(backup)
    assert (manifest.subscribers, manifest.database, manifest.keys) == (1, "sqlite", KEYS)
    assert not list(backup.parent.glob("*.part"))
    assert not list(backup.parent.glob(".runup-*"))


@only_sqlite
def test_a_backup_never_replaces_another(backup: Path, town: Town) -> None:
    before = backup.read_bytes()
    with pytest.raises(FileExistsError):
        back_up(town, backup, journal=backup.parent / "journal")
    assert backup.read_bytes() == before


@only_sqlite
def test_a_backup_does_not_fill_the_disk(town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(space.Space, "free", 150 * space.MB)
    with pytest.raises(OSError, match="MB are needed beside it for a moment, and 150 MB are free"):
        back_up(town, tmp_path / "b.tar", journal=tmp_path / "journal")
    assert not (tmp_path / "b.tar").exists()


@only_sqlite
def test_whatever_byte_is_changed_or_missing_it_is_noticed(backup: Path, town: Town) -> None:
    whole = backup.read_bytes()
    rows = count(town.database, Send)
    places = (10, 600, len(whole) // 3, len(whole) // 2, len(whole) - 11_000)
    damaged = [whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :] for place in places]
    for content in (*damaged, whole[: len(whole) // 2], whole[:700], b"", b"not a tar at all" * 100):
        backup.write_bytes(content)
        with pytest.raises(BadBackup):
            check_archive(backup)
        with pytest.raises(BadBackup):
            restore(backup, town.database, journal=backup.parent / "journal", now=town.now)
    assert count(town.database, Send) == rows
    assert not list(backup.parent.glob(".runup-*"))


@only_sqlite
@pytest.mark.parametrize("name", ["../escape", "/etc/passwd", "database.sqlite2", "journal/../../x.jsonl"])
def test_a_file_that_does_not_belong_there_is_refused(backup: Path, name: str) -> None:
    with tarfile.open(backup, "a") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = 2
        tar.addfile(entry, io.BytesIO(b"hi"))
    with pytest.raises(BadBackup, match="its manifest does not name"):
        check_archive(backup)


@only_sqlite
def test_what_must_not_be_restored_here_is_refused_with_a_reason(backup: Path, town: Town) -> None:
    assert refuse(backup, town.database, keys=KEYS).subscribers == 1
    with pytest.raises(Refused, match="another suppression_key"):
        refuse(backup, town.database, keys=replace(KEYS, suppression="other"))
    elsewhere = Database("postgresql://nobody@127.0.0.1/nothing")
    with pytest.raises(Refused, match="backup of a sqlite database"):
        refuse(backup, elsewhere, keys=KEYS)


@only_sqlite
def test_a_newer_backup_is_refused(backup: Path, town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runup.backups.restoring.knows_revision", lambda _: False)
    with pytest.raises(Refused, match="from a newer runup"):
        refuse(backup, town.database, keys=KEYS)
    monkeypatch.setattr("runup.backups.archive.FORMAT", 0)
    with pytest.raises(BadBackup, match="made by a newer runup"):
        check_archive(backup)


@only_sqlite
def test_while_somebody_uses_the_database_it_is_not_replaced(backup: Path, town: Town) -> None:
    with only_worker(town.database.file), pytest.raises(Exception, match="another worker is at work"):
        restore(backup, town.database, journal=backup.parent / "journal", now=town.now)
    other = Database(str(town.database.engine.url))
    with other.read() as session:
        session.scalar(select(func.count()).select_from(Send))
        with pytest.raises(Refused, match="in use"):
            restore(backup, town.database, journal=backup.parent / "journal", now=town.now)
    other.close()
    assert count(town.database, Send) > 0


@only_sqlite
def test_a_damaged_database_gives_way_and_is_kept(backup: Path, town: Town) -> None:
    file = town.database.file
    assert file is not None
    town.database.close()
    for beside in ("-wal", "-shm"):
        file.with_name(file.name + beside).unlink(missing_ok=True)
    file.write_bytes(b"SQLite format 3\0" + b"\xff" * 20_000)
    done = restore(backup, town.database, journal=backup.parent / "journal", now=town.now)
    assert done.kept is not None
    assert done.kept.read_bytes().endswith(b"\xff")
    assert count(town.database, Subscriber) == 1


@only_postgresql
def test_while_a_worker_works_on_postgresql_it_is_not_replaced(backup: Path, town: Town) -> None:
    with town.write() as session:
        session.add(
            Heartbeat(worker="w", host="h", pid=1, started_at=town.now, last_tick_at=town.now, note="")
        )
    with pytest.raises(Refused, match="a worker is at work"):
        restore(backup, town.database, journal=backup.parent / "journal", now=town.now)


@only_postgresql
def test_a_restore_that_fails_leaves_postgresql_as_it_was(backup: Path, town: Town, monkeypatch) -> None:
    rows = count(town.database, Send)
    monkeypatch.setattr("runup.backups.restoring.hold_statement", lambda *_, **__: "SELECT nonsense;")
    with pytest.raises(ToolFailed, match="psql failed"):
        restore(backup, town.database, journal=backup.parent / "journal", now=town.now)
    assert count(town.database, Send) == rows


@only_postgresql
def test_a_program_that_is_missing_is_named(town: Town, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolFailed, match="pg_dump is not on this machine's PATH"):
        back_up(town, tmp_path / "b.tar", journal=tmp_path / "journal")
    assert list(tmp_path.glob("*.tar")) == []


@only_postgresql
def test_a_password_is_on_no_command_line(town: Town, tmp_path: Path, monkeypatch) -> None:
    program = tmp_path / "pg_dump"
    program.write_text(
        f'#!/bin/sh\necho "$@" > {tmp_path}/said\necho "$PGPASSWORD" > {tmp_path}/password\nexit 3\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    from runup.backups.postgresql import dump

    with pytest.raises(ToolFailed, match="exit code 3"):
        dump(Database("postgresql://ana:s3cret@db.example.com:5433/people"), tmp_path / "x")
    assert "s3cret" not in (tmp_path / "said").read_text()
    assert "host=db.example.com" in (tmp_path / "said").read_text()
    assert (tmp_path / "password").read_text() == "s3cret\n"


@only_sqlite
def test_a_backup_of_an_older_runup_gets_the_tables_of_this_one(town: Town, tmp_path: Path) -> None:
    old = tmp_path / "old.db"
    config = Config()
    config.set_main_option("script_location", str(files("runup.database").joinpath("migrations")))
    database = Database(f"sqlite:///{old}")
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    database.close()
    now, backup = town.now, tmp_path / "old.tar"
    manifest = Manifest(made_at=now, version="0.0.1", revision="0001", tzdata="2026.1", database="sqlite",
                        subscribers=0, sends=0, keys=KEYS, members={})  # fmt: skip
    copy_sqlite(old, tmp_path / "copy.db")
    write_archive(backup, manifest, {"database.sqlite": tmp_path / "copy.db"})
    refuse(backup, town.database, keys=KEYS)
    restore(backup, town.database, journal=tmp_path / "journal", now=now)
    require_newest(town.database)
    with town.database.read() as session:
        assert [hold.kind for hold in active_holds(session)] == ["restored"]


def test_receivers_of_webhooks_are_told_by_a_restored_database_as_before(town: Town, tmp_path: Path) -> None:
    webhook = Webhook(url="https://crm.example.com/", events=",sign_up,", salt="s", created_at=town.now)
    with town.write() as session:
        session.add(webhook)
        session.flush()
        agree(session)
    town.ana()
    back_up(town, tmp_path / "b.tar", journal=tmp_path / "journal")
    restore(tmp_path / "b.tar", town.database, journal=tmp_path / "journal", now=town.now)
    town.person("kiri")
    assert count(town.database, WebhookPost) == 2
