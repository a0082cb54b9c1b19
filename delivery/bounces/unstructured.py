"""Bounces that follow no standard: qmail, old Exim, gateways. Only this file knows flufl.bounce."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.message import Message

from delivery.bounces.blame import is_address_to_blame
from delivery.bounces.parsing import words_of
from delivery.bounces.reports import Finding
from delivery.events import EventType

_LONGEST_LINE, _MOST = 300, 40_000
"""The library's patterns take the square of a line's length: a megabyte without a break would take days."""
_ORIGINAL = re.compile(
    r"^\W*(?:below this line|this is a copy of|original message|returned message|message header)", re.I | re.M
)


def read_unstructured(message: Message, data: bytes) -> list[Finding]:
    """Whom the library finds refused or delayed; [] when it recognizes nothing, however odd the message."""
    from flufl.bounce import all_failures

    try:
        delayed, refused = all_failures(message_from_bytes(_shortened(data)))
    except Exception:  # it decodes and indexes what strangers wrote
        return []
    words = words_of(message)
    cut = _ORIGINAL.search(words)
    said = words[: cut.start()] if cut else words
    return [
        *(_finding(address, said, EventType.DEFERRED) for address in sorted(delayed)[:5]),
        *(_finding(address, said, EventType.BOUNCED) for address in sorted(refused)[:5]),
    ]


def _finding(found: bytes, said: str, kind: EventType) -> Finding:
    address = found.decode("ascii", "replace").strip("<> ")[:320]
    # The reason stands behind the address; before it, a page of regret.
    said = said.partition(address)[2].lstrip(">:,' \r\n") or said
    return Finding(
        type=kind,
        address=address,
        is_permanent=kind is EventType.BOUNCED and is_address_to_blame("", said),
        said=said,
    )


def _shortened(data: bytes) -> bytes:
    return b"\n".join(line[:_LONGEST_LINE] for line in data[:_MOST].splitlines())
