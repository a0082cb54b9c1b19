"""What lies in an outbox folder, parsed, for whoever wants to look at it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from email.message import EmailMessage

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class StoredEmail:
    """One file of the outbox. `headers` in their order, decoded; `html` and `text` with LF line ends."""

    name: str
    """The file's name without a mail client's flags; stable, fit for a URL."""
    path: Path = field(repr=False)
    reference: str
    attempt: int
    date: datetime
    """When it left: the Email's own date, to the microsecond, aware UTC."""
    sender: str = field(repr=False)
    recipient: str = field(repr=False)
    recipient_name: str = field(repr=False)
    subject: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    html: str = field(repr=False)
    text: str = field(repr=False)


def read_outbox(folder: Path) -> Iterator[StoredEmail]:
    """Each email delivered to `folder`, in the order of their dates. Files that are not ours are passed over.

    An empty or missing folder has none.
    """
    for _, path in sorted(_files(folder)):
        yield _read(path)


def find_in_outbox(folder: Path, name: str) -> StoredEmail | None:
    """The email whose `name` this is."""
    # Compared with what is there, never joined to the folder: `name` may come from a URL.
    return next((_read(path) for found, path in _files(folder) if found == name), None)


def copies(folder: Path) -> dict[tuple[str, int], int]:
    """How many files there are of each (reference, attempt). More than one was delivered more than once."""
    counts: dict[tuple[str, int], int] = {}
    for name, _ in _files(folder):
        _, _, reference, attempt, _ = name.split(".")
        counts[reference, int(attempt)] = counts.get((reference, int(attempt)), 0) + 1
    return counts


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for part in ("new", "cur"):
        for path in (folder / part).glob("*.eml*"):
            # A mail client that has shown a message moves it to cur/ and adds ":2,S" to its name.
            name = path.name.partition(":")[0]
            pieces = name.split(".")
            if len(pieces) == 5 and pieces[0].isdigit() and pieces[3].isdigit():
                yield name, path


def _read(path: Path) -> StoredEmail:
    # Imported here: `import delivery` is for those who send, and parsing takes as long to load as all of it.
    from email.message import EmailMessage
    from email.parser import Parser
    from email.policy import default

    # Decoded first: international addresses stand in the headers as UTF-8 (RFC 6532), the rest is ASCII.
    message = Parser(EmailMessage, policy=default).parsestr(path.read_text("utf-8", "replace"))
    name = path.name.partition(":")[0]
    microseconds, _, reference, attempt, _ = name.split(".")
    return StoredEmail(
        name=name,
        path=path,
        reference=reference,
        attempt=int(attempt),
        date=_EPOCH + timedelta(microseconds=int(microseconds)),
        sender=message["From"].addresses[0].addr_spec,
        recipient=message["To"].addresses[0].addr_spec,
        recipient_name=_display_name(message, "To"),
        subject=str(message["Subject"]),
        headers=tuple((key, str(value)) for key, value in message.items()),
        html=_body(message, "html"),
        text=_body(message, "plain"),
    )


def _display_name(message: EmailMessage, header: str) -> str:
    from email.header import decode_header, make_header
    from email.utils import parseaddr

    # Not `.addresses[0].display_name`: it puts a space between the pieces of a long international name.
    raw = next(str(value) for name, value in message.raw_items() if name == header)
    return str(make_header(decode_header(parseaddr(raw)[0])))


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body(preferencelist=(kind,))
    return str(part.get_content()).replace("\r\n", "\n") if part is not None else ""
