"""Delivery status notifications (RFC 3464, RFC 6533): what servers write for programs to read."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.message import Message
from email.utils import parseaddr

from delivery.bounces.blame import is_address_to_blame
from delivery.bounces.parsing import blocks_of, header, part_of
from delivery.events import EventType

STATUS_PARTS = ("message/delivery-status", "message/global-delivery-status")
_ACTIONS = {
    "failed": EventType.BOUNCED,
    "failure": EventType.BOUNCED,
    "fail": EventType.BOUNCED,
    "error": EventType.BOUNCED,  # OpenSMTPD's
    "delayed": EventType.DEFERRED,
    "delivered": EventType.DELIVERED,
    "relayed": EventType.DELIVERED,
    "expanded": EventType.DELIVERED,
}
_ESCAPED = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")  # utf-8-addr-xtext, RFC 6533


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one report, complaint or bounce says of one recipient."""

    type: EventType
    address: str = field(default="", repr=False)
    is_permanent: bool = False
    said: str = field(default="", repr=False)


def read_report(message: Message) -> list[Finding]:
    """One finding per recipient; [] when it is no report, or one that forgets to say about whom."""
    part = part_of(message, *STATUS_PARTS)
    if part is None:
        return []
    found = [finding for block in blocks_of(part) if (finding := _of_recipient(block)) is not None]
    # Behind an address that stands for several, one refused: the others read on.
    if any(finding.type is EventType.DELIVERED for finding in found):
        found = [Finding(type=one.type, address=one.address, said=one.said) for one in found]
    return found


def _of_recipient(block: Message) -> Finding | None:
    action = re.match(r"[a-z]*", header(block, "action").lower())
    kind = _ACTIONS.get(action[0] if action else "")
    if kind is None:
        return None
    status, said = header(block, "status")[:40], _diagnostic(block)
    return Finding(
        type=kind,
        address=_address(block, "original-recipient") or _address(block, "final-recipient"),
        is_permanent=kind is EventType.BOUNCED and is_address_to_blame(status, said),
        said=f"{status} {said}".strip(),
    )


def _diagnostic(block: Message) -> str:
    """Without its type: "smtp; 550 5.1.1 no such user"."""
    kind, divider, said = header(block, "diagnostic-code").partition(";")
    return said.strip() if divider and len(kind) < 20 else kind


def _address(block: Message, name: str) -> str:
    """Of "rfc822; ana@example.com"; servers leave out the type, or write <ana@example.com>."""
    kind, divider, value = header(block, name).partition(";")
    value = value if divider else kind
    if kind.strip().lower() == "utf-8":
        value = _ESCAPED.sub(_unescaped, value)
    address = parseaddr(value.strip())[1]
    return address if "@" in address and len(address) <= 320 else ""


def _unescaped(match: re.Match[str]) -> str:
    point = int(match[1], 16)
    return chr(point) if 0x20 < point < 0xD800 or 0xDFFF < point < 0x110000 else "?"
