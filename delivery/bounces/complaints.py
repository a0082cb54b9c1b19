"""Complaints: what mailbox providers send when a reader calls an email spam (ARF, RFC 5965)."""

from __future__ import annotations

from email.message import Message
from email.utils import parseaddr

from delivery.bounces.parsing import Malformed, blocks_of, header, part_of
from delivery.bounces.reports import Finding
from delivery.events import EventType

_COMPLAINTS = ("abuse", "fraud", "opt-out", "opt-out-list", "other")
"""Not among them: not-spam says the opposite, auth-failure is about a signature, virus about a file."""


def read_complaint(message: Message) -> list[Finding] | None:
    """The complaint, [] for a report about something else, None for what is no feedback report."""
    part = part_of(message, "message/feedback-report")
    if part is None:
        return None
    fields = blocks_of(part)[0]
    kind = header(fields, "feedback-type").lower()
    if not kind:
        raise Malformed("a feedback report without its type")
    if kind not in _COMPLAINTS:
        return []
    return [Finding(type=EventType.COMPLAINED, address=_address(fields), said=f"feedback report: {kind}")]


def _address(fields: Message) -> str:
    """Whom it was sent to; most providers leave that out or make it unreadable."""
    address = parseaddr(header(fields, "original-rcpt-to") or header(fields, "removal-recipient"))[1]
    return address if "@" in address and "redacted" not in address.lower() else ""
