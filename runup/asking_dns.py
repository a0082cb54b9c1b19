"""Questions to the DNS, in bounded time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

import dns.exception
import dns.resolver
import dns.reversename

ONE_ANSWER = 3.0
"""Seconds for one question, over all servers of a resolver."""
ALL_ANSWERS = 12.0
"""Seconds for everything."""
PORT = 53


class DnsSilent(Exception):
    """Nobody answers, or only that it cannot be answered: not the same as "there is no such record"."""


@dataclass
class Dns:
    """Asks one resolver. Every question raises DnsSilent where no answer comes; none has no records.

    `stopwatch`: seconds; everything together takes ALL_ANSWERS at most.
    """

    resolver: dns.resolver.Resolver
    stopwatch: Callable[[], float] = time.monotonic
    _until: float = field(init=False)

    def __post_init__(self) -> None:
        self._until = self.stopwatch() + ALL_ANSWERS

    @classmethod
    def of(cls, server: str = "") -> Dns:
        """Asks `server` (`9.9.9.9`, `127.0.0.1:5353`, `[::1]:53`), or whom this system asks.

        Raises ValueError for what is no address, DnsSilent when this system asks nobody.
        """
        if not server:
            try:
                return cls(dns.resolver.Resolver())
            except dns.resolver.NoResolverConfiguration:
                raise DnsSilent("this system has no resolver") from None
        resolver = dns.resolver.Resolver(configure=False)
        address, resolver.port = parse_server(server)
        resolver.nameservers = [address]
        return cls(resolver)

    def texts(self, name: str) -> list[str]:
        """The TXT records of a name, each in one piece."""
        return [b"".join(record.strings).decode("utf-8", "replace") for record in self._ask(name, "TXT")]

    def addresses(self, name: str) -> list[str]:
        return [record.address for kind in ("A", "AAAA") for record in self._ask(name, kind)]

    def mail_hosts(self, name: str) -> list[str]:
        """Who takes its mail, the first choice first; `.` says that nobody does."""
        found = sorted((record.preference, str(record.exchange)) for record in self._ask(name, "MX"))
        return [host.rstrip(".") or "." for _, host in found]

    def names(self, address: str) -> list[str]:
        """What an address is called (PTR)."""
        reverse = str(dns.reversename.from_address(address))
        return [str(record.target).rstrip(".") for record in self._ask(reverse, "PTR")]

    def _ask(self, name: str, kind: str) -> list[Any]:
        left = min(ONE_ANSWER, self._until - self.stopwatch())
        if left <= 0:
            raise DnsSilent("it takes too long")
        try:
            return list(self.resolver.resolve(f"{name.rstrip('.')}.", kind, lifetime=left, search=False))
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except dns.resolver.LifetimeTimeout:
            raise DnsSilent("no answer came in time") from None
        except (dns.resolver.NoNameservers, OSError):
            raise DnsSilent(f"nobody can tell about {name}") from None
        except dns.exception.DNSException:
            return []  # a name that cannot be


def parse_server(server: str) -> tuple[str, int]:
    """The address and the port of a resolver. Raises ValueError."""
    address, port = server, f"{PORT}"
    if server.startswith("["):
        address, _, port = server[1:].partition("]")
        port = port.removeprefix(":") or f"{PORT}"
    elif server.count(":") == 1:
        address, _, port = server.partition(":")
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError(f"{server!r} has no port that there is; write it like 9.9.9.9 or 127.0.0.1:5353")
    try:
        return str(ip_address(address)), int(port)
    except ValueError:
        raise ValueError(f"{server!r} is no address; write it like 9.9.9.9 or 127.0.0.1:5353") from None
