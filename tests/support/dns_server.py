"""A real DNS server on loopback, for zones of the tests' own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

Zone = Mapping[tuple[str, str], list[str]]
"""By name and type, the records as a zone file writes them."""


@contextmanager
def dns_server(zone: Zone, *, is_mute: bool = False, fails: bool = False) -> Iterator[str]:
    """Serves `zone` over UDP; yields its address and port. `is_mute` never answers, `fails` always says
    SERVFAIL."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    thread = threading.Thread(target=_serve, args=(server, zone, is_mute, fails), daemon=True)
    thread.start()
    address = server.getsockname()
    try:
        yield f"127.0.0.1:{address[1]}"
    finally:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", address)
        thread.join(timeout=10)
        server.close()


def _serve(server: socket.socket, zone: Zone, is_mute: bool, fails: bool) -> None:
    while True:
        data, asker = server.recvfrom(4096)
        if not data:
            return
        if not is_mute:
            server.sendto(_answer(dns.message.from_wire(data), zone, fails=fails).to_wire(), asker)


def _answer(query: dns.message.Message, zone: Zone, *, fails: bool) -> dns.message.Message:
    answer = dns.message.make_response(query)
    answer.flags |= dns.flags.RA
    question = query.question[0]
    name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
    if fails:
        answer.set_rcode(dns.rcode.SERVFAIL)
    elif records := zone.get((name, kind)):
        answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *records))
    elif not any(known == name for known, _ in zone):
        answer.set_rcode(dns.rcode.NXDOMAIN)
    return answer
