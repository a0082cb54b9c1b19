"""Bytes from anywhere to a parsed message, at a price that has a limit."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.message import Message

MOST_NESTED = 40
"""Multipart boundaries and enclosed messages in one message. A bounce has three or four."""
_NESTING = re.compile(rb"boundary\s*=|message/", re.IGNORECASE)
_HEADER = re.compile(rb"[!-9;-~]{1,100}:")


class Malformed(Exception):
    """No email, or one that was made to hurt its reader."""


def parse(data: bytes) -> Message:
    """Raises Malformed. What is parsed keeps its bytes: nothing is decoded before it is asked for."""
    # A server that delivers to a file may write mbox's own line first.
    head = data.lstrip(b"\r\n")
    if not _HEADER.match(head) and not head.startswith(b"From "):
        raise Malformed("it begins with no header")
    # The parser walks every open boundary at every line: hundreds of them take minutes for a megabyte.
    if len(_NESTING.findall(data)) > MOST_NESTED:
        raise Malformed("it is nested too deeply")
    try:
        return message_from_bytes(head)
    except Exception as error:  # the parser promises to raise nothing; it does
        raise Malformed(f"it cannot be parsed: {type(error).__name__}") from None


def part_of(message: Message, *kinds: str) -> Message | None:
    """The first part of one of these content types."""
    return next((part for part in message.walk() if part.get_content_type() in kinds), None)


def blocks_of(part: Message) -> list[Message]:
    """The header blocks of a report's part, which blank lines divide (RFC 3464, RFC 5965), 50 at most."""
    _, _, body = part.as_bytes().replace(b"\r\n", b"\n").partition(b"\n\n")
    if str(part.get("content-transfer-encoding", "")).strip().lower() == "base64":
        body = _unpacked(body)  # RFC 3464 forbids it, and some do it
    return [message_from_bytes(block.lstrip(b"\n")) for block in re.split(rb"\n[ \t]*\n", body.strip())[:50]]


def words_of(message: Message, *, most: int = 16_000) -> str:
    """What the message says to a person: its first text part that has words."""
    for part in message.walk():
        if part.get_content_maintype() == "text" and not part.is_multipart():
            payload = part.get_payload(decode=True)
            if isinstance(payload, bytes) and payload.strip():
                return payload[:most].decode("utf-8", "replace")
    return ""


def header(message: Message, name: str) -> str:
    """The header on one line, "" without one. Odd bytes become question marks."""
    value = str(message.get(name, "")).encode("ascii", "replace").decode("ascii")
    return " ".join(value[:2000].split())


def _unpacked(body: bytes) -> bytes:
    from binascii import Error, a2b_base64

    try:
        return a2b_base64(body).replace(b"\r\n", b"\n")
    except Error:
        return body
