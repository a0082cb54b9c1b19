"""The way back: prepared beside what is there, stopped and told by the journal, before it takes its place."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from runup.backups.archive import check_archive, read_manifest, sync_folder
from runup.backups.making import POSTGRESQL, SQLITE
from runup.backups.manifest import Fingerprints, Manifest
from runup.backups.postgresql import as_sql, require_tools, run_files
from runup.backups.sqlite import damage_of, is_open_elsewhere
from runup.backups.statements import before, hold_statement
from runup.database import Database, DatabaseError, current_revision, knows_revision, upgrade
from runup.reports import SILENT_AFTER
from scheduler import Heartbeat, Journal, only_worker
from scheduler.braking import put_on
from scheduler.replaying import replay
from scheduler.transaction import transact

RESTORED = "restored"
"""The brake that is on afterwards."""


class Refused(Exception):
    """Restoring this backup here would do harm; nothing has changed."""


@dataclass(frozen=True)
class Restored:
    """`replayed`: sends that the journal knew to have left and the backup did not. `kept`: where the database
    of before lies now; None where there was none, and on PostgreSQL."""

    manifest: Manifest
    replayed: int
    kept: Path | None


def refuse(file: Path, database: Database, *, keys: Fingerprints) -> Manifest:
    """The manifest of a backup that may be restored here. Raises Refused or BadBackup saying why."""
    manifest = read_manifest(file)
    kind = "sqlite" if database.is_sqlite else "postgresql"
    if manifest.database != kind:
        raise Refused(
            f"this is a backup of a {manifest.database} database, and the settings name a {kind} one"
        )
    if not knows_revision(manifest.revision):
        raise Refused(
            f"the backup is from a newer runup ({manifest.version}, tables {manifest.revision}); install that"
        )
    if manifest.keys.suppression != keys.suppression:
        raise Refused(
            "the backup was made with another suppression_key: nobody would know any more who must not be "
            "written to. Put the secrets.toml of then in its place"
        )
    return manifest


def restore(file: Path, database: Database, *, journal: Path, now: datetime) -> Restored:
    """Put the backup in the place of the database, stopped: a worker sends nothing until somebody has looked.

    The send journal here stays, with what the backup's has and it does not; then it is replayed, so that
    what left after the backup was made is not sent again. Workers and sites must have ended. Raises BadBackup
    before anything has changed, Refused, AlreadyRunning, ToolFailed, OSError.
    """
    with only_worker(database.file):
        if database.is_sqlite:
            return _restore_sqlite(file, database, journal, now=now)
        return _restore_postgresql(file, database, journal, now=now)


def _restore_sqlite(file: Path, database: Database, journal: Path, *, now: datetime) -> Restored:
    assert database.file is not None, "a database in memory cannot be restored"
    place = database.file
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".runup-restore-") as folder:
        prepared = Path(folder) / SQLITE
        manifest = _unpack(file, Path(folder), journal)
        if damage := damage_of(prepared):
            raise DatabaseError(f"the database in the backup is damaged: {damage}")
        new = Database(f"sqlite:///{prepared}")
        try:
            replayed = _stop_and_replay(new, manifest, journal, now=now)
        finally:
            new.close()
        if is_open_elsewhere(prepared):
            raise Refused("the prepared database is still open; try again")
        database.close()
        kept = _take_the_place(place, prepared, now=now)
    return Restored(manifest, replayed, kept)


def _take_the_place(place: Path, prepared: Path, *, now: datetime) -> Path | None:
    kept = None
    if place.exists():
        if is_open_elsewhere(place):
            raise Refused("the database is in use; end every `runup serve` and `runup work` first")
        kept = place.with_name(f"{place.name}.before-{now:%Y%m%dT%H%M%SZ}")
        for suffix in ("-wal", "-shm", ""):
            beside = place.with_name(place.name + suffix)
            if beside.exists():
                beside.rename(kept.with_name(kept.name + suffix))
    prepared.rename(place)
    sync_folder(place.parent)
    return kept


def _restore_postgresql(file: Path, database: Database, journal: Path, *, now: datetime) -> Restored:
    require_tools("pg_restore", "psql")
    _refuse_while_somebody_works(database, now=now)
    with tempfile.TemporaryDirectory(prefix="runup-restore-") as place:
        folder = Path(place)
        manifest = _unpack(file, folder, journal)
        as_sql(database, folder / POSTGRESQL, folder / "tables.sql")
        (folder / "before.sql").write_text(before(folder / "tables.sql"), "utf-8")
        (folder / "hold.sql").write_text(hold_statement(RESTORED, _detail(manifest), now=now), "utf-8")
        # One transaction: nobody ever sees the tables without the brake.
        run_files(database, folder / "before.sql", folder / "tables.sql", folder / "hold.sql")
    replayed = _stop_and_replay(database, manifest, journal, now=now)
    return Restored(manifest, replayed, None)


def _refuse_while_somebody_works(database: Database, *, now: datetime) -> None:
    try:
        if not knows_revision(current_revision(database) or ""):
            raise Refused("the database here is from a newer runup; install that to replace what is in it")
        with database.read() as session:
            last = session.scalar(select(func.max(Heartbeat.last_tick_at)))
    except SQLAlchemyError:
        return  # it is empty, or worth replacing
    if last is not None and now - last <= SILENT_AFTER:
        raise Refused(
            "a worker is at work here; end every `runup serve` and `runup work`, and wait 2 minutes"
        )


def _unpack(file: Path, folder: Path, journal: Path) -> Manifest:
    """Everything checked and beside the place where it will be; the journal's lines in the journal."""
    (folder / "journal").mkdir()

    def take(name: str, content: Iterator[bytes]) -> None:
        with (folder / name).open("wb") as target:
            for chunk in content:
                target.write(chunk)

    manifest = check_archive(file, take)
    for day in sorted((folder / "journal").iterdir()):
        Journal(journal).join(day)
    return manifest


def _stop_and_replay(database: Database, manifest: Manifest, journal: Path, *, now: datetime) -> int:
    upgrade(database)
    transact(database, lambda session: put_on(session, RESTORED, _detail(manifest), now=now))
    return replay(database, Journal(journal), now=now)


def _detail(manifest: Manifest) -> str:
    return (
        f"a backup of {manifest.made_at:%Y-%m-%d %H:%M}Z was restored; what left after that and is not in "
        "the send journal here may leave once more"
    )
