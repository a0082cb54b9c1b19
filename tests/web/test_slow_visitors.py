"""Visitors who open a connection and never come to the point are hung up on; nobody else waits for them."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from runup import punctual
from runup.serving import Site
from runup.web import body_limit

HEAD = b"POST /sign-up HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"


@pytest.fixture
def address(application, listening):
    """The site as `runup serve` runs it."""
    site = Site(application, listening)
    site.start()
    yield listening.getsockname()
    site.stop()


@pytest.fixture
def base_url(address):
    return f"http://127.0.0.1:{address[1]}"


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(punctual, "HEAD_WITHIN", 0.3)
    monkeypatch.setattr(body_limit, "WITHIN", 0.3)


def drip(address, begin: bytes, drop: bytes) -> bytes:
    """What somebody hears who sends `begin` and then `drop` over and over, until the site hangs up."""
    with socket.create_connection(address, timeout=20) as connection:
        over = threading.Event()
        thread = threading.Thread(target=_go_on, args=(connection, begin, drop, over))
        thread.start()
        try:
            return _heard(connection)
        finally:
            over.set()
            thread.join(10)


def _go_on(connection: socket.socket, begin: bytes, drop: bytes, over: threading.Event) -> None:
    try:
        connection.sendall(begin)
        while drop and not over.wait(0.02):
            connection.sendall(drop)
    except OSError:
        return  # hung up on


def _heard(connection: socket.socket) -> bytes:
    answer = b""
    try:
        while part := connection.recv(65536):
            answer += part
    except ConnectionResetError:
        pass
    return answer


@pytest.mark.parametrize(
    ("begin", "drop"),
    [
        (b"", b""),
        (b"GET", b""),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", b"a"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"X-Slow: a\r\n"),
    ],
    ids=["says nothing", "says half a word", "drips a header", "drips headers"],
)
def test_a_head_that_never_ends_is_hung_up_on(address, impatient, begin, drop):
    assert drip(address, begin, drop) == b""


def test_a_kept_connection_that_drips_its_next_request_is_hung_up_on(address, impatient):
    first = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert drip(address, first, b"X").count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    ("begin", "drop"),
    [
        (HEAD + b"Content-Length: 5000\r\n\r\n", b"a"),
        (HEAD + b"Content-Length: 5000\r\n\r\nemail=", b""),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
        (HEAD.replace(b"x-www-form-urlencoded", b"json").replace(b"/sign-up", b"/api/sign-ups")
         + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    ],
    ids=["drips its length", "stops", "drips chunks", "drips JSON"],
)  # fmt: skip
def test_a_body_that_never_ends_is_answered_408_and_hung_up_on(address, impatient, visitor, begin, drop):
    before = visitor.dump()
    assert drip(address, begin, drop).startswith(b"HTTP/1.1 408 ")
    assert visitor.dump() == before


def test_chunks_without_end_are_cut_off_whatever_their_speed(address, visitor, monkeypatch):
    monkeypatch.setattr(punctual, "HEAD_WITHIN", 0.3)
    before = visitor.dump()
    chunk = b"4000\r\n" + b"a" * 0x4000 + b"\r\n"
    drip(address, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", chunk)  # returns: it was hung up on
    assert visitor.dump() == before


def test_a_hundred_of_them_keep_nobody_else_waiting(address, visitor):
    slow = [socket.create_connection(address, timeout=20) for _ in range(100)]
    try:
        for connection in slow:
            connection.sendall(HEAD + b"Content-Length: 5000\r\n\r\nemail=")
        began = time.monotonic()
        assert visitor.get("/").status_code == 200
        assert visitor.sign_up().status_code == 303
        assert time.monotonic() - began < 20
    finally:
        for connection in slow:
            connection.close()


def test_a_kept_connection_serves_one_request_after_the_other(visitor, impatient):
    assert [visitor.get("/check-your-inbox").status_code for _ in range(5)] == [200] * 5
