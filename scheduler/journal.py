"""The send journal: what providers answered, on a second file, should the database not get to know it."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import orjson

from scheduler.outcomes import OK, Answer

KEPT_DAYS = 8
"""A day more than any send may be in doubt, and as old a backup as can be told from its journal."""


@dataclass(frozen=True)
class Line:
    """One answer: attempt `attempt` at the send `reference` came to `kind` (as in Attempt.kind)."""

    at: datetime
    reference: str
    attempt: int
    kind: str
    status: int
    message_id: str

    @property
    def evidence(self) -> bool | None:
        """Whether the provider has it; None when the answer left that open."""
        return {OK: True, "U": None}.get(self.kind, False)


@dataclass
class Journal:
    """One file a day in `folder`, a line per answer, appended before the database is told.

    A line survives the process as soon as it is written, and a power loss after `sync`. Any number of
    processes of one machine share a folder. Lines name no person.
    """

    folder: Path
    _synced: bool = field(default=True, init=False)

    def append(self, answers: Collection[Answer], *, now: datetime) -> None:
        """Write down `answers`. Raises OSError; what it had written of them stays readable."""
        lines = b"".join(_written(answer, now) for answer in answers if answer.reference)
        if not lines:
            return
        descriptor = self._open(now.date())
        try:
            # One write: appends of several processes do not mix. It begins on a line of its own, whatever a
            # crash has left of the one before.
            os.write(descriptor, b"\n" + lines)
        finally:
            os.close(descriptor)
        self._synced = False

    def sync(self, *, now: datetime) -> None:
        """The database would not take what was appended last: make it durable here."""
        if self._synced or not self._file(now.date()).exists():
            return
        descriptor = self._open(now.date())
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self._synced = True

    def join(self, day: Path) -> None:
        """Take what a copy of one day's file (named for the day) has and this journal has not."""
        lines = [line for line in day.read_bytes().splitlines() if _read(line)]
        here = self._file(_day(day))
        known = set(here.read_bytes().splitlines()) if here.exists() else set()
        new = [line for line in lines if line not in known]
        if not new:
            return
        descriptor = self._open(_day(day))
        try:
            os.write(descriptor, b"\n" + b"\n".join(new) + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def lines(self, *, since: date | None = None) -> Iterator[Line]:
        """All that is readable, oldest day first. A line cut off by a crash is passed over."""
        for file in self._files():
            if since is None or _day(file) >= since:
                with file.open("rb") as lines:
                    yield from (line for raw in lines if (line := _read(raw)))

    def found(self, references: Collection[str], *, since: date) -> dict[tuple[str, int], Line]:
        """The answers to the sends named, by reference and attempt; the last word holds."""
        wanted = set(references)
        return {
            (line.reference, line.attempt): line
            for line in self.lines(since=since)
            if line.reference in wanted
        }

    def forget(self, *, now: datetime) -> None:
        """Delete the days beyond KEPT_DAYS."""
        for file in self.forgettable(now=now):
            file.unlink(missing_ok=True)

    def forgettable(self, *, now: datetime) -> list[Path]:
        """The files of those days."""
        return [file for file in self._files() if _day(file) < now.date() - timedelta(days=KEPT_DAYS)]

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("????-??-??.jsonl")) if self.folder.is_dir() else []

    def _file(self, day: date) -> Path:
        return self.folder / f"{day.isoformat()}.jsonl"

    def _open(self, day: date) -> int:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(self._file(day), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def _day(file: Path) -> date:
    return date.fromisoformat(file.stem)


def _written(answer: Answer, now: datetime) -> bytes:
    outcome = answer.outcome
    return orjson.dumps(
        {
            "at": now,
            "ref": answer.reference,
            "n": answer.number,
            "kind": outcome.kind,
            "status": outcome.status,
            "id": outcome.message_id[:200],
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )


def _read(raw: bytes) -> Line | None:
    try:
        said = orjson.loads(raw)
        return Line(
            datetime.fromisoformat(said["at"]),
            said["ref"],
            said["n"],
            said["kind"],
            said["status"],
            said["id"],
        )
    except (ValueError, KeyError, TypeError):
        return None
