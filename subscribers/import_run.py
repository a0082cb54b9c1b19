"""How far an import has come: kept with the rows it brought in, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import BinaryIO

from sqlalchemy import BigInteger, String, Text, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from runup.database import Base

KEPT_FOR = timedelta(days=30)
"""After its last sign of life; a file that is imported later begins anew, and changes nobody twice."""


class ImportRun(Base):
    """One import of one file. A killed one goes on where its last transaction ended: never twice, never half.

    `fingerprint` is a hash of the file's bytes and of everything said about how to read it.
    """

    __tablename__ = "import_run"

    id: Mapped[int] = mapped_column(primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64), index=True)
    source: Mapped[str] = mapped_column(String(64))
    began_at: Mapped[datetime]
    reached_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    rows_taken: Mapped[int] = mapped_column(default=0)
    errors_size: Mapped[int] = mapped_column(BigInteger, default=0)
    """Bytes of the list of refused rows that belong to `rows_taken`."""
    counts: Mapped[str] = mapped_column(Text, default="{}")

    def tally(self) -> dict[str, int]:
        """What became of the rows taken so far."""
        return {str(name): int(count) for name, count in json.loads(self.counts).items()}

    def reach(self, rows: int, tally: Mapping[str, int], *, errors_size: int, now: datetime) -> None:
        """So far the import has come, in the transaction that brings it there."""
        self.rows_taken, self.errors_size, self.reached_at = rows, errors_size, now
        self.counts = json.dumps(dict(tally), sort_keys=True)


def fingerprint(file: BinaryIO, *said: object) -> str:
    """Of a file's bytes, read from here to its end, and of what was said about how to read them."""
    digest = sha256(repr(said).encode())
    while piece := file.read(1 << 20):
        digest.update(piece)
    return digest.hexdigest()


def unfinished_run(session: Session, fingerprint: str) -> ImportRun | None:
    """The import of this very file, read in this very way, that was cut short."""
    return session.scalar(
        select(ImportRun)
        .where(ImportRun.fingerprint == fingerprint, ImportRun.finished_at.is_(None))
        .order_by(ImportRun.id.desc())
        .limit(1)
    )


def begin_run(session: Session, fingerprint: str, *, source: str, now: datetime) -> ImportRun:
    """Write down that an import begins. Those of which nothing was heard for a month are forgotten."""
    session.execute(delete(ImportRun).where(ImportRun.reached_at < now - KEPT_FOR))
    run = ImportRun(fingerprint=fingerprint, source=source[:64], began_at=now, reached_at=now)
    run.rows_taken, run.errors_size, run.counts = 0, 0, "{}"
    session.add(run)
    session.flush()
    return run
