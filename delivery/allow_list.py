"""A staging system's belt: only people on a list can be reached."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from delivery.email import Email
from delivery.provider import Accepted, Provider, Rejected
from delivery.wire import wire_address

_DOMAIN = re.compile(r"[^\W_](?:[\w.-]*[^\W_])?")


def parse_allow_list(text: str) -> tuple[str, ...]:
    """The entries of RUNUP_ALLOW_LIST, separated by commas or spaces: addresses and domains.

    A domain stands with or without its @ and does not include its subdomains. Raises ValueError naming the
    entry that is neither.
    """
    entries = tuple(entry for entry in re.split(r"[,\s]+", text) if entry)
    for entry in entries:
        _normal(entry)
    return entries


class AllowList:
    """Passes on to `provider` what goes to `entries`; every other email is Rejected and never leaves.

    With no entries nothing leaves.
    """

    def __init__(self, provider: Provider, entries: Iterable[str]) -> None:
        self.name = provider.name
        self._provider = provider
        self._entries = frozenset(_normal(entry) for entry in entries)

    def deliver(self, email: Email) -> Accepted:
        address = wire_address(email.recipient).lower()
        if self._entries.isdisjoint((address, address.rpartition("@")[2])):
            raise Rejected("the recipient is not on RUNUP_ALLOW_LIST; nothing was sent")
        return self._provider.deliver(email)

    def was_accepted(self, reference: str, attempt: int) -> bool | None:
        """What `provider` can tell; None when it is no witness."""
        ask = getattr(self._provider, "was_accepted", None)
        return ask(reference, attempt) if ask else None

    def server_time(self) -> datetime | None:
        """What `provider` can tell of the time."""
        ask = getattr(self._provider, "server_time", None)
        return ask() if ask else None

    def close(self) -> None:
        self._provider.close()


def _normal(entry: str) -> str:
    """As `deliver` compares it: lower case, the domain in its ASCII form, no leading @."""
    domain = entry.removeprefix("@")
    is_domain = "@" not in domain and _DOMAIN.fullmatch(domain) is not None
    try:
        address = wire_address(f"anybody@{domain}" if is_domain else entry, field="it")
    except Rejected:
        raise ValueError(
            f"RUNUP_ALLOW_LIST: {entry!r} is neither an address (ana@example.com) nor a domain (example.com)"
        ) from None
    return address.lower().removeprefix("anybody@") if is_domain else address.lower()
