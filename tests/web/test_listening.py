"""The socket that the site listens on, and how its answers leave."""

from __future__ import annotations

import hashlib
import socket
import sys
from collections.abc import Iterator

import pytest

from runup.application import Application
from runup.serving import HAND_OVER, Site, listen

ASK = b"GET %s HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: identity\r\n\r\n"


@pytest.fixture
def address(application: Application, listening: socket.socket) -> Iterator[tuple[str, int]]:
    """The site as `runup serve` runs it."""
    site = Site(application, listening)
    site.start()
    yield listening.getsockname()
    site.stop()


def test_answers_do_not_wait_for_the_acknowledgement_of_their_own_head() -> None:
    with listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


def test_an_answer_is_one_packet_on_a_connection_that_stays(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=20) as connection:
        for _ in range(20):
            connection.sendall(ASK % b"/health")
            head, _, body = connection.recv(65_536).partition(b"\r\n\r\n")
            assert f"content-length: {len(body)}".encode() in head.lower()
            assert body


def test_a_page_longer_than_a_packet_arrives_whole_and_in_order(address: tuple[str, int]) -> None:
    """And what comes after it on the same connection is the next answer's head."""
    digests = set()
    with socket.create_connection(address, timeout=20) as connection, connection.makefile("rb") as answers:
        for _ in range(3):
            connection.sendall(ASK % b"/api/openapi.json")
            assert answers.readline() == b"HTTP/1.1 200 OK\r\n"
            length = 0
            while (line := answers.readline()) != b"\r\n":
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            body = answers.read(length)
            assert len(body) == length > 10_000
            digests.add(hashlib.sha256(body).digest())
    assert len(digests) == 1


def test_whoever_asks_is_not_kept_waiting_by_what_the_worker_computes(
    application: Application, listening: socket.socket
) -> None:
    before = sys.getswitchinterval()
    site = Site(application, listening)
    site.start()
    assert sys.getswitchinterval() == pytest.approx(HAND_OVER)
    site.stop()
    assert sys.getswitchinterval() == pytest.approx(before)
