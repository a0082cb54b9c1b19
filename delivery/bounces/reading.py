"""One returned message, read: the events it reports, or why it reports none."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import Message
from email.utils import parsedate_to_datetime
from enum import StrEnum

from delivery.bounces.answers import is_auto_reply
from delivery.bounces.complaints import read_complaint
from delivery.bounces.ours import Ours, which_of_ours
from delivery.bounces.parsing import header, parse
from delivery.bounces.reports import Finding, read_report
from delivery.bounces.unstructured import read_unstructured
from delivery.events import DeliveryEvent, EventType
from delivery.redaction import quotable
from delivery.wire import spoken_address

LARGEST = 1_000_000
"""Bytes of a message that are looked at. Whoever fetches one need not fetch more than one byte beyond."""
_MOST_SAID = 600
_OLDEST = timedelta(days=30)
"""A date before that is a wrong clock: servers give up after five days."""


class NoReport(StrEnum):
    """Why a message in the bounce mailbox reports nothing of our emails."""

    AUTO_REPLY = "auto_reply"
    """A holiday notice, a receipt: it arrived, and nobody has read it yet."""
    FOREIGN = "foreign"
    """It names none of our emails."""
    MALFORMED = "malformed"
    """No email, or none that can be read."""
    TOO_LARGE = "too_large"
    UNCLEAR = "unclear"
    """About one of our emails, and neither bounce nor complaint: a person's letter, or words nobody knows."""


@dataclass(frozen=True)
class Reading:
    """What one message came to: `events`, or the reason why there are none."""

    events: tuple[DeliveryEvent, ...] = ()
    why_none: NoReport | None = None


def read_returned(data: bytes, *, bounce_address: str, now: datetime) -> Reading:
    """Read one message of the bounce mailbox; never raises, whatever the bytes are.

    `bounce_address` is the setting, with its `{reference}`. Anybody can write to that mailbox: an event is a
    claim, and whoever applies it compares its address with the one the email went to.
    """
    if len(data) > LARGEST:
        return Reading(why_none=NoReport.TOO_LARGE)
    try:
        return _read(data, bounce_address, now)
    except Exception:
        # Malformed, and whatever else strange bytes do to the standard library's parser.
        return Reading(why_none=NoReport.MALFORMED)


def _read(data: bytes, bounce_address: str, now: datetime) -> Reading:
    message = parse(data)
    ours = which_of_ours(message, data, bounce_address=bounce_address)
    reports = read_complaint(message)
    if reports is None:
        reports = _read_bounce(message, data, ours)
    if reports is None:
        return Reading(why_none=NoReport.AUTO_REPLY)
    if ours is None:
        return Reading(why_none=NoReport.FOREIGN)
    events = {event.id: event for found in reports for event in [_event(found, ours, message, data, now)]}
    return Reading(tuple(events.values()), None if events else NoReport.UNCLEAR)


def _read_bounce(message: Message, data: bytes, ours: Ours | None) -> list[Finding] | None:
    """Its findings; None: a program's answer. What follows no standard is read only when it is ours."""
    reports = read_report(message)
    if reports:
        return reports
    if is_auto_reply(message):
        return None
    return read_unstructured(message, data) if ours is not None else []


def _event(found: Finding, ours: Ours, message: Message, data: bytes, now: datetime) -> DeliveryEvent:
    # What we ourselves wrote into the returned headers is surer than where a forwarder sent it on to.
    address = spoken_address(ours.address or found.address)
    return DeliveryEvent(
        id=_id(message, data, ours, found.type, address),
        reference=ours.reference,
        attempt=ours.attempt,
        type=found.type,
        occurred_at=_written_at(message, now),
        address=address,
        is_permanent=found.is_permanent,
        # Redaction takes the square of a text without spaces.
        detail=quotable(found.said[:_MOST_SAID]),
    )


def _id(message: Message, data: bytes, ours: Ours, kind: EventType, address: str) -> str:
    """The same for the same message found twice, also when a server has added a line on the way."""
    named = header(message, "message-id").encode() or data
    parts = (named, ours.reference.encode(), b"%d" % ours.attempt, kind.encode(), address.lower().encode())
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(b"%d:" % len(part) + part)
    return f"bounce-{digest.hexdigest()}"


def _written_at(message: Message, now: datetime) -> datetime:
    try:
        written = parsedate_to_datetime(header(message, "date"))
        written = written.replace(tzinfo=UTC) if written.tzinfo is None else written.astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return now
    return written if now - _OLDEST <= written <= now else now
