"""Which of our emails a returned message is about."""

from __future__ import annotations

import re
from email.message import Message
from typing import NamedTuple

_WIRE = r"([A-Za-z0-9_-]{1,32})\.(\d{1,6})"
_ENVELOPE = (
    "X-Original-To",
    "Delivered-To",
    "Envelope-To",
    "X-Envelope-To",
    "X-Delivered-To",
    "X-RCPT-To",
    "Original-Recipient",
    "To",
)
"""Where servers write down whom the returned message was for, the surest first."""
# In the returned headers: our own line survives relays that write a Message-ID of theirs.
_OWN_LINE = re.compile(rf"^[ \t>|]{{0,9}}X-Runup-Reference:\s{{0,3}}{_WIRE}[ \t]*\r?$".encode(), re.M | re.I)
_ENVELOPE_ID = re.compile(rf"^Original-Envelope-Id:\s{{0,3}}{_WIRE}[ \t]*\r?$".encode(), re.M | re.I)
_MESSAGE_ID = re.compile(
    rb"^[ \t>|]{0,9}Message-ID:\s{0,3}<([A-Za-z0-9_-]{16,32})\.(\d{1,6})@[^>\s]{1,255}>", re.M | re.I
)
_TO = re.compile(
    rb"^[ \t>|]{0,9}To:\s{0,3}(?:[^\r\n<]{0,200}\s{0,3}<)?([^\s<>@]{1,64}@[^\s<>@]{1,255})", re.M | re.I
)
_SPACE_AFTER = 4000
"""Bytes around our own line in which the other headers of the same email stand."""


class Ours(NamedTuple):
    reference: str
    attempt: int
    """0: it does not say."""
    address: str = ""
    """Whom that email was for, by its own returned headers."""


def which_of_ours(message: Message, data: bytes, *, bounce_address: str) -> Ours | None:
    """Our email's reference and attempt, or None when `message` names none.

    The address it came back to counts first: only servers that took our email know it. Servers that change
    its case are corrected by the returned headers.
    """
    returned = _returned(message, data)
    came_to = _came_to(message, bounce_address)
    if came_to is None or (returned and returned.reference.lower() == came_to.reference.lower()):
        return returned
    return came_to


def _came_to(message: Message, bounce_address: str) -> Ours | None:
    before, found, after = bounce_address.partition("{reference}")
    if not found:
        return None
    pattern = re.compile(
        rf"(?<![\w.+-]){re.escape(before)}{_WIRE}{re.escape(after)}(?![\w.-])", re.IGNORECASE
    )
    for name in _ENVELOPE:
        for value in message.get_all(name, []):
            if match := pattern.search(str(value)[:2000]):
                return Ours(match[1], int(match[2]))
    return None


def _returned(message: Message, data: bytes) -> Ours | None:
    for text in (_after_the_head(data), *_unpacked(message)):
        match = _OWN_LINE.search(text) or _ENVELOPE_ID.search(text) or _MESSAGE_ID.search(text)
        if match:
            around = text[max(0, match.start() - _SPACE_AFTER) : match.end() + _SPACE_AFTER]
            to = _TO.search(around)
            address = to[1].decode("ascii", "replace") if to else ""
            return Ours(match[1].decode(), int(match[2]), address)
    return None


def _after_the_head(data: bytes) -> bytes:
    # The head of the message itself says nothing of ours: its Message-ID is the sender's.
    found = re.search(rb"\r?\n\r?\n", data.lstrip(b"\r\n"))
    return data.lstrip(b"\r\n")[found.end() :] if found else b""


def _unpacked(message: Message) -> list[bytes]:
    """Parts that travelled as base64, where no line can be seen from outside."""
    parts = []
    for part in message.walk():
        if (
            str(part.get("content-transfer-encoding", "")).strip().lower() == "base64"
            and not part.is_multipart()
        ):
            payload = part.get_payload(decode=True)
            if isinstance(payload, bytes):
                parts.append(payload[:200_000])
    return parts
