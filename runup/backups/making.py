from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Callable
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import func, select

from runup.backups.archive import write_archive
from runup.backups.manifest import Fingerprints, Manifest
from runup.backups.postgresql import dump
from runup.backups.sqlite import copy_sqlite, damage_of
from runup.database import Database, DatabaseError, current_revision
from runup.database.space import MB, Space
from scheduler import Send
from subscribers import Subscriber, tzdata_version

SQLITE, POSTGRESQL = "database.sqlite", "database.dump"


def make_backup(
    database: Database,
    file: Path,
    *,
    journal: Path,
    keys: Fingerprints,
    now: datetime,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Manifest:
    """Write one state of the database and the journal of then to `file`, while workers go on sending.

    Secrets are not in it, only what tells them from others. Needs room for the database twice, beside `file`.
    Raises FileExistsError, OSError, DatabaseError for a database that is damaged, ToolFailed.
    """
    if file.exists():
        raise FileExistsError(17, "it is there already; a backup never replaces another", str(file))
    _require_room(database, file)
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".runup-backup-") as place:
        folder = Path(place)
        manifest = _describe(database, keys, now=now)
        members = _copy(database, folder, progress)
        # After the database: what it knows of, the journal knows then, and a little more does no harm.
        members |= _copy_journal(journal, folder)
        return write_archive(file, manifest, members)


def _require_room(database: Database, file: Path) -> None:
    """A backup that fills the disk would stop what it is to protect. Of PostgreSQL's size nobody asks: its
    dump is smaller, and may lie on another machine."""
    if database.file is None or database.space is None:
        return
    needed = 2 * database.file.stat().st_size + database.space.least
    free = Space(file).free
    if free < needed:
        words = f"{needed // MB:,} MB are needed beside it for a moment, and {free // MB:,} MB are free"
        raise OSError(errno.ENOSPC, words, str(file))


def _describe(database: Database, keys: Fingerprints, *, now: datetime) -> Manifest:
    with database.read() as session:
        people = session.scalar(select(func.count()).where(Subscriber.erased_at.is_(None))) or 0
        sends = session.scalar(select(func.count()).select_from(Send)) or 0
    return Manifest(
        made_at=now,
        version=version("runup"),
        revision=current_revision(database) or "",
        tzdata=tzdata_version(),
        database="sqlite" if database.is_sqlite else "postgresql",
        subscribers=people,
        sends=sends,
        keys=keys,
        members={},
    )


def _copy(database: Database, folder: Path, progress: Callable[[int, int], None]) -> dict[str, Path]:
    if not database.is_sqlite:
        dump(database, folder / POSTGRESQL)
        return {POSTGRESQL: folder / POSTGRESQL}
    assert database.file is not None, "a database in memory has nothing to back up"
    copy = folder / SQLITE
    copy_sqlite(database.file, copy, progress=progress)
    if damage := damage_of(copy):
        raise DatabaseError(f"the database is damaged, and so would be its backup: {damage}")
    return {SQLITE: copy}


def _copy_journal(journal: Path, folder: Path) -> dict[str, Path]:
    copies = {}
    for number, day in enumerate(sorted(journal.glob("????-??-??.jsonl")) if journal.is_dir() else ()):
        copies[f"journal/{day.name}"] = copy = folder / f"journal-{number}"
        shutil.copyfile(day, copy)
    return copies
