"""A folder of .eml files, laid out as a Maildir that any mail client opens. The default."""

from __future__ import annotations

import contextlib
import errno
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from delivery.email import Email
from delivery.provider import CALL_TIMEOUT, Accepted, AccountRefused, NotSent, Unknown
from delivery.wire import wire_reference

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FOLDER_IS_WRONG = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR}


@dataclass(frozen=True, kw_only=True)
class OutboxConfig:
    folder: Path
    """Created with its parents when missing. Readable by its owner alone: it holds people's emails."""

    def open(self, *, timeout: float = CALL_TIMEOUT) -> Outbox:  # noqa: ARG002 - a disk keeps no time
        return Outbox(self)


class Outbox:
    """Every email becomes one file in `new/`, complete and on the disk before we answer.

    A file is named `<microseconds>.<random>.<reference>.<attempt>.eml`. The random part keeps every copy, so
    that delivering one attempt twice leaves two files with the same reference and attempt and can be seen;
    the microseconds are those of `email.date`, so that names sort as the emails were sent.
    """

    name = "outbox"

    def __init__(self, config: OutboxConfig) -> None:
        self._folder = config.folder
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for part in ("tmp", "new", "cur"):
                (self._folder / part).mkdir(mode=0o700, exist_ok=True)
            _sync(self._folder)
        except OSError as error:
            raise ValueError(
                f"RUNUP_OUTBOX: {self._folder} cannot be made a mailbox: {error.strerror}"
            ) from error

    def deliver(self, email: Email) -> Accepted:
        from delivery.mime import as_bytes

        name = f"{_microseconds(email)}.{os.urandom(6).hex()}.{wire_reference(email)}.eml"
        message = as_bytes(email)
        temporary, final = self._folder / "tmp" / name, self._folder / "new" / name
        try:
            _write(temporary, message)
            temporary.rename(final)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise _failure(error) from error
        self._make_durable(final)
        return Accepted(message_id=name)

    def was_accepted(self, reference: str, attempt: int) -> bool | None:
        """Whether an email of that attempt lies in the folder, read or not; None when we cannot look."""
        from delivery.inbox import copies

        if not all(os.access(self._folder / part, os.R_OK | os.X_OK) for part in ("new", "cur")):
            return None  # a disk that is away proves nothing
        return (reference, attempt) in copies(self._folder)

    def close(self) -> None:
        """Nothing is kept open."""

    def _make_durable(self, final: Path) -> None:
        try:
            _sync(final.parent)
        except OSError as error:
            raise Unknown(f"the email is in the folder, perhaps not for good: {error.strerror}") from error


def _microseconds(email: Email) -> str:
    return f"{(email.date - _EPOCH) // timedelta(microseconds=1):017d}"


def _write(path: Path, message: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(message)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _failure(error: OSError) -> NotSent | AccountRefused:
    said = f"the email could not be written to the outbox: {error.strerror}"
    return AccountRefused(said) if error.errno in _FOLDER_IS_WRONG else NotSent(said)
