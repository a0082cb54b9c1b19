"""Who asks: the network of a visitor, as the limits count it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.requests import Request

Address = IPv4Address | IPv6Address


def address_of(request: Request, trusted: Sequence[str]) -> str:
    """The visitor's network address. What `X-Forwarded-For` says counts only as far as trusted proxies wrote
    it: from the right, up to the first address that is none of them. What stands left of that anybody can
    have sent."""
    found = request.client.host if request.client else ""
    told = [part.strip() for line in request.headers.getlist("x-forwarded-for") for part in line.split(",")]
    while told and is_trusted(found, trusted):
        nearer = told.pop()
        if _parse(nearer) is None:
            break
        found = nearer
    return found


def network_of(address: str) -> str:
    """An IPv4 address itself, the /64 of an IPv6 one: whoever has one of those has all of them."""
    parsed = _parse(address)
    if isinstance(parsed, IPv6Address):
        return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"
    return str(parsed) if parsed else "unknown"


@lru_cache(maxsize=1024)
def _parse(address: str) -> Address | None:
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return mapped or parsed


def is_trusted(address: str, trusted: Sequence[str]) -> bool:
    """Whether the settings name this network address as a proxy of ours."""
    parsed = _parse(address)
    return parsed is not None and any(_holds(entry, parsed) for entry in trusted)


def _holds(entry: str, address: Address) -> bool:
    if entry == "*":
        return True
    network = _network(entry)
    return network is not None and address in network


@lru_cache(maxsize=64)
def _network(entry: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(entry, strict=False)
    except ValueError:
        return None
