"""Room on the disk of an SQLite database, and the ballast that is thrown off when there is none."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

MB = 1024 * 1024
LEAST = 200 * MB
"""Free bytes below which nothing is begun that needs room: no sign-up, no email."""
WAL_SHARE = 4
"""And never less than so many times the write-ahead log, which grows before it is folded in."""
BALLAST = 16 * MB

_NO_ROOM = {sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE}
"""How SQLite puts it when it meets the full disk while it begins a log."""


@dataclass
class Space:
    """The file system below the database `file`.

    While there is room a ballast file lies beside it. A write that finds the disk full throws it off: an
    unsubscribe, an erasure and what became of a call are written even then. Once there is room again it is
    made anew.
    """

    file: Path
    least: int = LEAST

    @property
    def ballast(self) -> Path:
        return self.file.with_name(f"{self.file.name}.ballast")

    @property
    def free(self) -> int:
        """Bytes that we may still write."""
        found = os.statvfs(self.file.parent)
        return found.f_bavail * found.f_frsize

    @property
    def needed(self) -> int:
        try:
            wal = self.file.with_name(f"{self.file.name}-wal").stat().st_size
        except FileNotFoundError:
            wal = 0
        return max(self.least, WAL_SHARE * wal)

    def shortage(self) -> str:
        """Why nothing may be begun, in plain words; empty when there is room, or nobody can tell."""
        try:
            free, needed = self.free, self.needed
        except OSError:
            return ""
        if free >= needed:
            return ""
        return f"only {free // MB:,} MB are free where the database lies, and {needed // MB:,} MB are needed"

    def keep(self) -> str:
        """See that the ballast is there as soon as there is room for it; returns `shortage()`."""
        short = self.shortage()
        if not short and not self.ballast.exists():
            with contextlib.suppress(OSError):
                if self.free >= self.needed + BALLAST:
                    self._load()
        return short

    def throw_off(self) -> bool:
        """Give the ballast's room back; returns whether there was any."""
        try:
            self.ballast.unlink()
        except OSError:
            return False
        return True

    def _load(self) -> None:
        # Random bytes: a file system that compresses would keep no room for zeros.
        temporary = self.ballast.with_suffix(".ballast-new")
        try:
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                for _ in range(BALLAST // MB):
                    file.write(os.urandom(MB))
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(self.ballast)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise


def is_full(error: BaseException | None) -> bool:
    """Of the driver's error: there was no room to write. SQLite has rolled the transaction back."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and (code & 0xFF == sqlite3.SQLITE_FULL or code in _NO_ROOM)
