from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol, TypeAlias
from urllib.parse import SplitResult, unquote, urlsplit

from delivery.mailboxes.imap import ImapConfig
from delivery.mailboxes.maildir import MaildirConfig
from delivery.mailboxes.trouble import MailboxError as MailboxError

Handle: TypeAlias = Any
"""Names a message to its own mailbox."""
_FORMS = "write it like maildir:/var/mail/bounces or imaps://bounces@mail.example.com/INBOX"


class Mailbox(Protocol):
    """Messages that nobody has handled yet. Used by one thread, for one pass."""

    def read(self, most: int) -> Iterator[tuple[Handle, bytes]]:
        """Up to `most` messages, the oldest first, each cut off one byte after delivery.bounces.LARGEST.

        Raises MailboxError when the mailbox cannot be read, or no longer.
        """
        ...

    def done(self, handle: Handle) -> None:
        """Never give this one again. Call it once what it says is stored; a message that is given twice
        because we died in between says the same twice. Raises MailboxError."""
        ...

    def close(self) -> None: ...


class MailboxConfig(Protocol):
    """What the settings say of a mailbox, checked."""

    def open(self) -> Mailbox:
        """Raises MailboxError."""
        ...


def parse_mailbox(address: str, password: str = "") -> MailboxConfig:
    """`maildir:/path`, `imaps://user@host[:port]/INBOX`, and `imap://…` on this machine.

    Raises ValueError naming the setting; what is wrong is not quoted where it may hold a password.
    """
    if address.startswith("maildir:"):
        path = Path(address.removeprefix("maildir:").removeprefix("//")).expanduser()
        if not path.is_absolute() or password:
            raise ValueError(
                "RUNUP_BOUNCE_MAILBOX_PASSWORD is for imaps://; a Maildir has none"
                if password
                else "RUNUP_BOUNCE_MAILBOX needs the whole path of the Maildir: maildir:/var/mail/bounces"
            )
        return MaildirConfig(folder=path)
    try:
        parts = urlsplit(address)
        port = parts.port or 0
    except ValueError:
        raise ValueError(f"RUNUP_BOUNCE_MAILBOX is no address: {_FORMS}") from None
    if parts.scheme not in ("imaps", "imap") or not parts.hostname:
        raise ValueError(f"RUNUP_BOUNCE_MAILBOX names no mailbox: {_FORMS}")
    return _imap(parts, port, password)


def _imap(parts: SplitResult, port: int, password: str) -> ImapConfig:
    if parts.password is not None:
        raise ValueError(
            "RUNUP_BOUNCE_MAILBOX holds a password: it belongs into RUNUP_BOUNCE_MAILBOX_PASSWORD"
        )
    return ImapConfig(
        host=parts.hostname or "",
        port=port,
        username=unquote(parts.username or ""),
        password=password,
        folder=unquote(parts.path.strip("/")) or "INBOX",
        is_encrypted=parts.scheme == "imaps",
    )
