"""What may stand in an address or an identifier on the wire; anything else is refused before it leaves."""

from __future__ import annotations

import re

from delivery.email import Email
from delivery.provider import Rejected

_ATOM = r'[^\s()<>\[\]:;@\\,."\x00-\x20\x7f]+'
_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_ADDRESS = re.compile(rf"({_ATOM}(?:\.{_ATOM})*)@({_LABEL}(?:\.{_LABEL})*)")
_REFERENCE = re.compile(r"[A-Za-z0-9_-]{1,64}")


def wire_address(address: str, *, field: str = "recipient") -> str:
    """`address` as providers take it: itself, with an international domain in its ASCII form.

    Raises Rejected, without quoting it, when it is anything but one plain address: libraries and servers read
    `a@b.com,c@d.com` or `attacker@evil.com]<bob@example.org>` each in their own way, and one of them mails a
    stranger (hazard H6).
    """
    match = _ADDRESS.fullmatch(address)
    if match is None or not address.isprintable() or len(address) > 254 or len(match[1].encode()) > 64:
        raise Rejected(f"{field} is not one plain email address; nothing was sent")
    if match[2].isascii():
        return address
    return f"{match[1]}@{_ascii_domain(match[2], field)}"


def _ascii_domain(domain: str, field: str) -> str:
    # Not the standard library's codec: IDNA 2003 turns straße.example into strasse.example, another domain.
    import idna

    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        raise Rejected(f"{field} has a domain that cannot exist; nothing was sent") from None


def wire_reference(email: Email) -> str:
    """`<reference>.<attempt>`, which names one attempt in headers, file names and bounce addresses.

    Raises Rejected when the reference holds anything but letters, digits, `-` and `_` (at most 64).
    """
    if _REFERENCE.fullmatch(email.reference) is None:
        raise Rejected("reference takes letters, digits, - and _ only, 64 at most; nothing was sent")
    return f"{email.reference}.{email.attempt}"


def spoken_address(address: str) -> str:
    """The inverse of `wire_address`: an address that came back, with its domain as people write it.

    What is no such address, or has a domain that cannot be read, comes back as it is.
    """
    if "xn--" not in address.lower():
        return address
    import idna

    local, at, domain = address.rpartition("@")
    try:
        return f"{local}{at}{idna.decode(domain.lower())}"
    except UnicodeError:  # idna's errors, and Python's own for labels that are none
        return address
