from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from delivery.events import DeliveryEvent, EventType
from delivery.redaction import quotable
from delivery.webhooks.sendgrid_json import read_list
from delivery.wire import spoken_address

_TYPES = {
    "processed": EventType.PROCESSED,
    "deferred": EventType.DEFERRED,
    "delivered": EventType.DELIVERED,
    "bounce": EventType.BOUNCED,
    "dropped": EventType.DROPPED,
    "spamreport": EventType.COMPLAINED,
    "unsubscribe": EventType.UNSUBSCRIBED,
    "group_unsubscribe": EventType.UNSUBSCRIBED,
    "open": EventType.OPENED,
    "click": EventType.CLICKED,
}
_IGNORED = {"group_resubscribe"}
"""Whoever comes back does so by our own sign-up, with a consent we can show."""
_TO_BLAME = {"bounced address", "spam reporting address", "unsubscribed address", "invalid"}
"""Reasons of a drop that lie in the address. The others (our content, our quota) pass."""

_OLDEST, _NEWEST = timedelta(days=30), timedelta(days=1)
"""How far from now an event can have happened. SendGrid tells it within a day; the rest is wrong clocks."""
_MOST_READ = 600
"""Characters of a server's words. Redaction takes quadratic time over a text without spaces."""
_REFERENCE = re.compile(r"[A-Za-z0-9_-]{1,32}")
_ATTEMPT = re.compile(r"[0-9]{1,6}")
_EVENT_ID = re.compile(r"[!-~]{1,100}")


@dataclass(frozen=True)
class Translated:
    """What one POST tells. `foreign` events carry no reference of ours: another program's on the same
    account, or the test button's. `malformed` could not be read; `why` says it of the last one."""

    events: tuple[DeliveryEvent, ...] = ()
    malformed: int = 0
    foreign: int = 0
    why: str = ""


class _Malformed(Exception):
    """One event cannot be read; the words hold nothing that came from outside but its name."""


class _Foreign(Exception):
    pass


def translate(body: bytes, *, now: datetime) -> Translated:
    """The events in the raw, verified `body`, in our words. Raises nothing, whatever it holds."""
    told = read_list(body)
    if told is None:
        return Translated(malformed=1, why="the body is no JSON list")
    events, malformed, foreign, why = [], 0, 0, ""
    possible = range(int((now - _OLDEST).timestamp()), int((now + _NEWEST).timestamp()))
    for each in told:
        try:
            event = _event(each, possible)
        except _Foreign:
            foreign += 1
        except _Malformed as error:
            malformed, why = malformed + 1, str(error)
        else:
            if event is not None:
                events.append(event)
    return Translated(tuple(events), malformed, foreign, why)


def _event(told: Any, possible: range) -> DeliveryEvent | None:
    """None: an event of ours that changes nothing. What is returned fits every column it goes to.

    `possible`: the seconds since 1970 in which it can have happened.
    """
    if not isinstance(told, dict):
        raise _Malformed("an event is no object")
    reference = told.get("mid")
    if not isinstance(reference, str) or _REFERENCE.fullmatch(reference) is None:
        raise _Foreign
    name = told.get("event")
    if not isinstance(name, str):
        raise _Malformed("event is no text")
    if name in _IGNORED:
        return None
    if name not in _TYPES:
        raise _Malformed(f"unknown event {quotable(name[:40])!r}")
    address, attempt, occurred_at = _address(told), _attempt(told), _moment(told, possible)
    return DeliveryEvent(
        id=_id(told, reference, attempt, name, address),
        reference=reference,
        attempt=attempt,
        type=_TYPES[name],
        occurred_at=occurred_at,
        address=address,
        is_permanent=_is_permanent(name, told),
        detail=_detail(told),
    )


def _address(told: Mapping[str, Any]) -> str:
    # Always told, and needed: nothing changes for a person unless it is the one we wrote to.
    address = told.get("email")
    if not isinstance(address, str) or not 3 <= len(address) <= 320 or not address.isprintable():
        raise _Malformed("email is no address")
    return spoken_address(address)


def _attempt(told: Mapping[str, Any]) -> int:
    attempt = told.get("att", "0")
    if not isinstance(attempt, str) or _ATTEMPT.fullmatch(attempt) is None:
        raise _Malformed("att is no number in a text")
    return int(attempt)


def _moment(told: Mapping[str, Any], possible: range) -> datetime:
    timestamp = told.get("timestamp")
    if type(timestamp) is not int:  # a bool is an int, too
        raise _Malformed("timestamp is no whole number")
    if timestamp not in possible:
        raise _Malformed("timestamp is out of range")
    return datetime.fromtimestamp(timestamp, UTC)


def _id(told: Mapping[str, Any], reference: str, attempt: int, name: str, address: str) -> str:
    """SendGrid's own id; where there is none to use, one made of what the event says, the same each time."""
    given = told.get("sg_event_id")
    if isinstance(given, str) and _EVENT_ID.fullmatch(given):
        return given
    said = repr((reference, attempt, name, told["timestamp"], address, _detail(told)))
    return f"hash:{hashlib.sha256(said.encode()).hexdigest()}"


def _is_permanent(name: str, told: Mapping[str, Any]) -> bool:
    if name == "bounce":
        return _is_hard(told)
    return name == "dropped" and _words(told, "reason").strip().lower() in _TO_BLAME


def _is_hard(told: Mapping[str, Any]) -> bool:
    # SendGrid's verdict first: some 5xx it calls a block (spam lists, content), and later emails may pass.
    kind = _words(told, "type").lower()
    return kind in ("", "bounce") and not _words(told, "status").startswith("4")


def _detail(told: Mapping[str, Any]) -> str:
    return quotable(_words(told, "reason") or _words(told, "response"))


def _words(told: Mapping[str, Any], key: str) -> str:
    """Words that nothing depends on: left out when they are none."""
    value = told.get(key)
    return value[:_MOST_READ] if isinstance(value, str) else ""
