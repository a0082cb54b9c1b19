"""An Email as the bytes that travel: RFC 5322 headers around a text and an HTML part."""

from __future__ import annotations

from binascii import b2a_qp
from datetime import UTC
from email.utils import format_datetime
from hashlib import blake2b

from delivery.email import Email
from delivery.headers import list_headers, mailbox, unstructured
from delivery.provider import Rejected
from delivery.wire import wire_address, wire_reference


def as_bytes(email: Email) -> bytes:
    """The whole message: CRLF, no line above 998 octets, the same bytes for the same Email.

    Pure ASCII unless a local part is not (RFC 6532, for servers with SMTPUTF8). Raises Rejected when the
    Email cannot be written as a message; nothing has left then.
    """
    try:
        return _message(email)
    except UnicodeEncodeError:
        # `from None`: the error carries the whole text.
        raise Rejected("the email holds half a character (a lone surrogate); nothing was sent") from None


def _message(email: Email) -> bytes:
    # The standard library's EmailMessage needs 8 ms for this (speed.md). The boundary holds "=_", which
    # quoted-printable cannot produce, so no part can contain it.
    boundary = "=_" + blake2b(wire_reference(email).encode(), digest_size=12).hexdigest()
    head = "\r\n".join([*_head(email), f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"'])
    delimiter = f"\r\n--{boundary}".encode()
    parts = [_part(kind, body) for kind, body in (("plain", email.text), ("html", email.html)) if body]
    if not parts:
        raise Rejected("the email has neither text nor html; nothing was sent")
    body = b"".join(delimiter + b"\r\n" + part for part in parts)
    return head.encode("utf-8") + b"\r\n" + body + delimiter + b"--\r\n"


def _head(email: Email) -> list[str]:
    sender = wire_address(email.sender, field="sender")
    lines = [
        f"From: {mailbox(email.sender_name, sender)}",
        f"To: {mailbox(email.recipient_name, wire_address(email.recipient))}",
    ]
    if email.reply_to:
        lines.append(f"Reply-To: {wire_address(email.reply_to, field='reply_to')}")
    reference = wire_reference(email)
    return [
        *lines,
        unstructured("Subject", email.subject),
        f"Date: {format_datetime(email.date.astimezone(UTC))}",
        f"Message-ID: <{reference}@{sender.rpartition('@')[2]}>",
        *(f"{name}: {value}" for name, value in list_headers(email).items()),
        f"X-Runup-Reference: {reference}",
        "MIME-Version: 1.0",
    ]


def _part(kind: str, body: str) -> bytes:
    # b2a_qp leaves a lone CR as it is and breaks long lines with LF alone, hence both replacements.
    plain = body.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8")
    head = (
        f'Content-Type: text/{kind}; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
    )
    return head.encode("ascii") + b2a_qp(plain, istext=True).replace(b"\n", b"\r\n")
