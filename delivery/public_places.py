"""Where a message may be posted to: the open internet, and networks the operator has named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

_NAT64 = ip_network("64:ff9b::/96")
LONGEST = 500


class BadPlace(ValueError):
    """Nothing is ever posted there; the message says why."""


@dataclass(frozen=True)
class Places:
    """`networks`: those of one's own that may be reached, such as `10.0.0.0/8`; by default none."""

    networks: Sequence[str] = ()

    def check(self, url: str) -> str:
        """`url`, or BadPlace. A name is only looked at when it is connected to: it may mean another place by
        then."""
        parts = urlsplit(url)
        if len(url) > LONGEST or not url.isascii() or any(c <= " " for c in url):
            raise BadPlace(f"the address must be up to {LONGEST} plain characters")
        if parts.scheme not in ("https", "http") or not parts.hostname:
            raise BadPlace("the address must begin with https://")
        if parts.scheme == "http" and not self.networks:
            raise BadPlace(
                "the address must begin with https://; http is for networks of webhook_networks only"
            )
        if parts.username is not None or parts.password is not None or parts.fragment:
            raise BadPlace("the address may have no user, password or #fragment")
        try:
            found = ip_address(parts.hostname)
            _ = parts.port
        except ValueError as error:
            if "port" in str(error).lower():
                raise BadPlace("the address has no valid port") from None
            return url
        if not self.allow(str(found), is_plain=parts.scheme == "http"):
            raise BadPlace(f"{found} is no public address; webhook_networks may name its network")
        return url

    def allow(self, address: str, *, is_plain: bool = False) -> bool:
        """Whether a network address may be connected to; unencrypted only in the networks named."""
        try:
            found = _real(ip_address(address.partition("%")[0]))
        except ValueError:
            return False
        if any(found in ip_network(network, strict=False) for network in self.networks):
            return True
        return not is_plain and found.is_global and not found.is_multicast and not found.is_reserved


def _real(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 one stands for, if it does: it leads there."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None) or address
