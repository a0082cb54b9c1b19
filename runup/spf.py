"""Who may send mail for a domain, as its SPF record says (RFC 7208)."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from runup.asking_dns import Dns

MOST_LOOKUPS = 10
"""A receiver gives up after so many names: nothing passes then."""
_RESULTS = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}


class BadRecord(ValueError):
    """A receiver treats the domain as if it had no valid record; why, in words."""


def record_of(dns: Dns, domain: str) -> str:
    """The record, or nothing. Raises BadRecord when there are several: then none of them counts."""
    found = [text for text in dns.texts(domain) if text.lower().split(" ")[0] == "v=spf1"]
    if len(found) > 1:
        raise BadRecord(f"{domain} has {len(found)} SPF records, so none counts")
    return found[0] if found else ""


def extended(record: str, mechanism: str) -> str:
    """The record with one more way to pass, before what ends it."""
    terms = record.split()
    place = next((n for n, term in enumerate(terms) if _name(term) in ("all", "redirect")), len(terms))
    return " ".join([*terms[:place], mechanism, *terms[place:]])


@dataclass
class Judge:
    """Goes through the record of a domain for one address; counts the names it has to look up."""

    dns: Dns
    lookups: int = 0

    def verdict(self, domain: str, address: str) -> str:
        """`pass`, `fail`, `softfail`, `neutral` or `none`. Raises BadRecord."""
        record = record_of(self.dns, domain)
        if not record:
            return "none"
        elsewhere = ""
        for term in record.split()[1:]:
            sign, mechanism = (term[0], term[1:]) if term[0] in _RESULTS else ("+", term)
            if _name(term) == "redirect":
                elsewhere = term.partition("=")[2]
            elif self._matches(mechanism.lower(), domain, address):
                return _RESULTS[sign]
        if elsewhere:
            self._look_up()
            return self.verdict(elsewhere, address)
        return "neutral"

    def _matches(self, mechanism: str, domain: str, address: str) -> bool:
        name, _, value = mechanism.partition(":")
        match name.partition("/")[0]:
            case "all":
                return True
            case "ip4" | "ip6":
                return self._is_in(address, value)
            case "include":
                self._look_up()
                return self.verdict(value, address) == "pass"
            case "a":
                self._look_up()
                return self._is_one_of(address, [value.partition("/")[0] or domain], mechanism)
            case "mx":
                self._look_up()
                hosts = self.dns.mail_hosts(value.partition("/")[0] or domain)
                return self._is_one_of(address, hosts, mechanism)
        return False  # macros and what nobody uses any more: they let nobody pass here

    def _is_one_of(self, address: str, hosts: list[str], mechanism: str) -> bool:
        _, slash, length = mechanism.partition("/")
        return any(
            self._is_in(address, f"{found}{slash}{length}")
            for host in hosts
            for found in self.dns.addresses(host)
        )

    @staticmethod
    def _is_in(address: str, network: str) -> bool:
        try:
            return ip_address(address) in ip_network(network, strict=False)
        except ValueError:
            raise BadRecord(f"{network!r} in the SPF record is no network") from None

    def _look_up(self) -> None:
        self.lookups += 1
        if self.lookups > MOST_LOOKUPS:
            raise BadRecord(
                f"the SPF record needs more than {MOST_LOOKUPS} lookups, so it counts for nothing"
            )


def _name(term: str) -> str:
    return term.lstrip("".join(_RESULTS)).replace("=", ":").partition(":")[0].lower()
