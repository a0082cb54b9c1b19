"""A box on an IMAP server: what is not marked as seen is read, then marked. Only this file knows imaplib."""

from __future__ import annotations

import contextlib
import imaplib
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from delivery.bounces import LARGEST
from delivery.mailboxes.trouble import MailboxError
from delivery.redaction import quotable
from delivery.sockets import DeadlineSocket, connect

if TYPE_CHECKING:
    import io
    from ssl import SSLContext

T = TypeVar("T")

PASS = 15.0
"""Seconds one pass may take, from the name's lookup to the last byte: a worker that ends waits for it."""
_RESERVE = 5.0
"""Seconds that are kept for storing and marking what was read."""
_MOST_BYTES = 250_000_000
"""A whole pass reads less than that, whatever the server has in mind."""
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_WINDOW = 10_000
"""Messages looked through by one search: its answer is one line, and lines have an end."""


@dataclass(frozen=True, kw_only=True)
class ImapConfig:
    """Raises ValueError naming the setting that is wrong."""

    host: str
    port: int = 0
    username: str
    password: str = field(repr=False)
    folder: str = "INBOX"
    is_encrypted: bool = True

    def __post_init__(self) -> None:
        if not self.username or not self.password:
            raise ValueError(
                "RUNUP_BOUNCE_MAILBOX needs a user (imaps://user@host), and"
                " RUNUP_BOUNCE_MAILBOX_PASSWORD the password"
            )
        if not self.is_encrypted and self.host not in _LOOPBACK:
            raise ValueError("RUNUP_BOUNCE_MAILBOX: imap:// is for a server on this machine; use imaps://")
        told = self.username + self.password + self.folder
        if not (told.isascii() and told.isprintable()):
            raise ValueError(
                "RUNUP_BOUNCE_MAILBOX and RUNUP_BOUNCE_MAILBOX_PASSWORD take printable ASCII characters only"
            )

    def open(self, *, tls: SSLContext | None = None, timeout: float = PASS) -> Imap:
        return Imap(self, tls=tls, timeout=timeout)


class Imap:
    """One connection, for one pass. `tls` replaces the system's certificates."""

    def __init__(self, config: ImapConfig, *, tls: SSLContext | None, timeout: float) -> None:
        """Raises MailboxError."""
        self._name = config.host
        self._deadline = time.monotonic() + timeout
        self._reserve = min(_RESERVE, timeout / 4)
        self._server = self._try(lambda: _connect(config, tls, self._deadline))
        try:
            self._try(lambda: self._server.login(_quoted(config.username), config.password))
            self._count = self._try(lambda: _number(self._told(self._server.select(_quoted(config.folder)))))
        except MailboxError:
            self.close()
            raise

    def read(self, most: int) -> Iterator[tuple[str, bytes]]:
        given = 0
        for first in range(1, self._count + 1, _WINDOW):
            for uid in self._unseen(first, first + _WINDOW - 1):
                if given == most or time.monotonic() > self._deadline - self._reserve:
                    return
                data = self._message(uid)
                if data is not None:
                    given += 1
                    yield uid, data

    def done(self, handle: str) -> None:
        self._try(lambda: self._told(self._server.uid("STORE", handle, "+FLAGS.SILENT", r"(\Seen)")))

    def close(self) -> None:
        with contextlib.suppress(imaplib.IMAP4.error, OSError):
            self._server.logout()
        self._server.shutdown()

    def _unseen(self, first: int, last: int) -> list[str]:
        searched = f"{first}:{min(last, self._count)}"
        told = self._try(lambda: self._told(self._server.uid("SEARCH", searched, "UNSEEN")))
        return [uid.decode() for part in told if isinstance(part, bytes) for uid in re.findall(rb"\d+", part)]

    def _message(self, uid: str) -> bytes | None:
        """None: it is gone. PEEK leaves the mark of what is unseen until we have stored what it says."""
        wanted = f"(BODY.PEEK[]<0.{LARGEST + 1}>)"
        told = self._try(lambda: self._told(self._server.uid("FETCH", uid, wanted)))
        return next((bytes(part[1]) for part in told if isinstance(part, tuple)), None)

    def _told(self, answer: tuple[str, list[Any]]) -> list[Any]:
        kind, told = answer
        if kind != "OK":
            raise MailboxError(f"{self._name} says {kind}: {quotable(str(told[-1])[:300])}")
        return told

    def _try(self, act: Callable[[], T]) -> T:
        try:
            return act()
        except (imaplib.IMAP4.error, OSError, ValueError, LookupError) as error:
            said = quotable(str(error)[:300]) or "no answer"
            raise MailboxError(f"{self._name}: {said} ({type(error).__name__})") from error


class _Connection(imaplib.IMAP4):
    """imaplib's dialogue on a connection that ends by its deadline and reads only so much."""

    def __init__(self, sock: DeadlineSocket) -> None:
        self._to_server = sock
        self._left = _MOST_BYTES
        super().__init__()

    def open(self, *_: Any, **__: Any) -> None:
        self._from_server: io.BufferedReader = self._to_server.makefile()

    def read(self, size: int) -> bytes:
        if size > LARGEST + 1:
            raise self.abort("the server sends more than was asked for")
        return self._counted(self._from_server.read(size))

    def readline(self) -> bytes:
        return self._counted(self._from_server.readline(LARGEST))

    def send(self, data: Any) -> None:
        self._to_server.sendall(data)

    def shutdown(self) -> None:
        self._to_server.close()

    def _counted(self, data: bytes) -> bytes:
        self._left -= len(data)
        if self._left < 0:
            raise self.abort("the server sends without an end")
        return data


def _connect(config: ImapConfig, tls: SSLContext | None, deadline: float) -> _Connection:
    sock = connect(config.host, config.port or (993 if config.is_encrypted else 143), deadline)
    try:
        if config.is_encrypted:
            from ssl import create_default_context

            sock.start_tls(tls or create_default_context(), config.host)
        return _Connection(sock)
    except BaseException:
        sock.close()
        raise


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _number(told: list[Any]) -> int:
    return int(told[0] or 0)
