"""What can go wrong between SendGrid and us, as values a test hands to the fake."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Where(StrEnum):
    """The point at which the fake misbehaves."""

    AT_ACCEPT = "at-accept"
    """Before anything is read from the connection."""
    MID_BODY = "mid-body"
    """When the head and at most a part of the body have been read."""
    AFTER_BODY = "after-body"
    """When the whole request has been read."""


class How(StrEnum):
    RESET = "reset"
    """RST."""
    FIN = "fin"
    """An orderly end."""
    HANG = "hang"
    """Silence, and nothing more is read."""
    REPLY = "reply"
    """The bytes of `reply`, then an orderly end unless `keeps_open`."""
    DRIP = "drip"
    """The bytes of `reply`, one every `pause` seconds."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """`is_accepted`: the fake takes the email (it is in the accept log) though the caller may never know."""

    how: How
    where: Where = Where.AFTER_BODY
    reply: bytes = field(default=b"", repr=False)
    pause: float = 0.05
    keeps_open: bool = False
    is_accepted: bool = False


def answer(
    status: int, headers: dict[str, str] | None = None, body: bytes = b"", *, is_accepted: bool = False
) -> Fault:
    """A well-formed reply with another status than the request deserves."""
    lines = [f"HTTP/1.1 {status} Whatever"]
    if status != 204:
        lines.append(f"Content-Length: {len(body)}")
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    head = "\r\n".join([*lines, "", ""]).encode()
    return Fault(how=How.REPLY, reply=head + body, keeps_open=True, is_accepted=is_accepted)


ACCEPTED_REPLY = b"HTTP/1.1 202 Accepted\r\nX-Message-Id: made-up\r\nContent-Length: 0\r\n\r\n"

RST_AT_ACCEPT = Fault(how=How.RESET, where=Where.AT_ACCEPT)
RST_MID_BODY = Fault(how=How.RESET, where=Where.MID_BODY)
RST_AFTER_BODY = Fault(how=How.RESET, is_accepted=True)
FIN_AFTER_BODY = Fault(how=How.FIN, is_accepted=True)
HANG_MID_BODY = Fault(how=How.HANG, where=Where.MID_BODY)
HANG_AFTER_BODY = Fault(how=How.HANG, is_accepted=True)
GARBAGE = Fault(how=How.REPLY, reply=b"\x00\xff not a status line at all\r\n\r\n", is_accepted=True)
CUT_STATUS_LINE = Fault(how=How.REPLY, reply=b"HTTP/1.1 2", is_accepted=True)
CUT_BODY_AFTER_202 = Fault(
    how=How.REPLY, reply=b"HTTP/1.1 202 Accepted\r\nContent-Length: 100\r\n\r\nten bytes.", is_accepted=True
)
DRIP = Fault(how=How.DRIP, reply=ACCEPTED_REPLY, is_accepted=True)
ACCEPT_THEN_CLOSE = Fault(how=How.REPLY, reply=ACCEPTED_REPLY, is_accepted=True)
"""A good reply, and then the server closes the connection without having said so."""

NAMED = {
    name.lower().replace("_", "-"): value
    for name, value in list(globals().items())
    if isinstance(value, Fault)
}
"""The faults by name, for the command line: `rst-after-body`, `hang-after-body`, ..."""
