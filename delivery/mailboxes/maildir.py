"""A folder with a file per message, as Postfix, Exim and Dovecot make it."""

from __future__ import annotations

import contextlib
import heapq
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from delivery.bounces import LARGEST
from delivery.mailboxes.trouble import MailboxError

HANDLED = ".handled"
"""The subfolder for what was read (Maildir++, as Dovecot shows it): the listing of the inbox stays short."""
_SEEN = ":2,S"


@dataclass(frozen=True, kw_only=True)
class MaildirConfig:
    folder: Path

    def open(self) -> Maildir:
        return Maildir(self.folder)


class Maildir:
    """Reads `new` and what nobody has opened in `cur`; what is done moves to the subfolder `.handled`."""

    def __init__(self, folder: Path) -> None:
        """Raises MailboxError when it is no Maildir, or one that we may not change."""
        self._folder = folder
        self._handled = folder / HANDLED / "cur"
        if not (folder / "new").is_dir():
            raise MailboxError(
                f"{folder} is no Maildir yet (it has no folder `new`): mail servers make one with the first"
                " message that they deliver there"
            )
        try:
            for part in ("", "new", "cur", "tmp"):
                _make_as(folder / HANDLED / part, folder.stat())
        except OSError as error:
            raise MailboxError(f"{folder}: {error.strerror}; its owner must be who runs runup") from error
        # What cannot be moved away would be read again every minute.
        if not os.access(folder / "new", os.W_OK | os.X_OK):
            raise MailboxError(f"{folder} may not be changed: its owner must be who runs runup")

    def read(self, most: int) -> Iterator[tuple[Path, bytes]]:
        try:
            oldest = heapq.nsmallest(most, self._unhandled(), key=lambda path: path.name)
        except OSError as error:
            raise MailboxError(f"{self._folder}: {error.strerror}") from error
        for path in oldest:
            with contextlib.suppress(OSError):  # somebody else has moved it, or it is no file of ours to read
                if (data := _first_bytes(path)) is not None:
                    yield path, data

    def done(self, handle: Path) -> None:
        name = handle.name.partition(":")[0] + _SEEN
        try:
            handle.rename(self._handled / name)
        except FileNotFoundError:
            return  # another worker was faster
        except OSError as error:
            raise MailboxError(f"{self._folder}: {error.strerror}") from error

    def close(self) -> None:
        """A folder needs no end."""

    def _unhandled(self) -> Iterator[Path]:
        for part in ("new", "cur"):
            with contextlib.suppress(FileNotFoundError), os.scandir(self._folder / part) as entries:
                for entry in entries:
                    if not entry.name.startswith(".") and "S" not in entry.name.partition(":2,")[2]:
                        yield Path(entry.path)


def _make_as(part: Path, owner: os.stat_result) -> None:
    """Run by root, it is still the owner's: the mail server shows it, too."""
    if not part.exists():
        part.mkdir(mode=0o700, exist_ok=True)
        if os.geteuid() == 0:
            os.chown(part, owner.st_uid, owner.st_gid)


def _first_bytes(path: Path) -> bytes | None:
    """None for what is no plain file: a pipe would never end, a link may lead anywhere."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return None
        return file.read(LARGEST + 1)
