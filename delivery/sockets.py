"""Connections of which a whole call, from the name's lookup to the last byte read, ends by one deadline.

A socket's own timeout starts again with every byte, so a server that drips holds a worker for ever. Deadlines
are readings of the monotonic clock: they measure how long a call takes and never say what time it is.
"""

from __future__ import annotations

import io
import queue
import select
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl


def time_left(deadline: float) -> float:
    """Seconds until `deadline`; raises TimeoutError when there are none."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the whole call took too long")
    return left


class DeadlineSocket:
    """As much of a socket as http.client and smtplib use; every operation ends by `deadline`."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        self.deadline = deadline

    def sendall(self, data: bytes) -> None:
        """Hand all of `data` to the kernel. When this raises, the last byte of `data` was not handed over."""
        unsent = memoryview(data)
        while unsent:
            self._sock.settimeout(time_left(self.deadline))
            unsent = unsent[self._sock.send(unsent) :]

    def receive_into(self, buffer: Any) -> int:
        self._sock.settimeout(time_left(self.deadline))
        return self._sock.recv_into(buffer)

    def receive_now(self, most: int) -> bytes | None:
        """What has come already; b"" when the other side has hung up, None when nothing has come."""
        self._sock.settimeout(0)
        try:
            return self._sock.recv(most)
        except OSError as error:
            return None if isinstance(error, _would_block()) else b""

    def makefile(self, *_: object) -> io.BufferedReader:
        return io.BufferedReader(_Incoming(self))

    def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        """Encrypt, and verify that the other side is `host`."""
        self._sock.settimeout(time_left(self.deadline))
        self._sock = context.wrap_socket(self._sock, server_hostname=host)

    def is_quiet(self) -> bool:
        """Open, and nothing waits to be read. A server that has closed, or speaks unasked, is not quiet."""
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        return not poll.poll(0)

    def close(self) -> None:
        self._sock.close()


def _would_block() -> tuple[type[OSError], ...]:
    """Nothing has come; or something for TLS itself, which nobody has loaded where there is none."""
    import sys

    ssl = sys.modules.get("ssl")
    return (BlockingIOError, *((ssl.SSLWantReadError, ssl.SSLWantWriteError) if ssl else ()))


class _Incoming(io.RawIOBase):
    def __init__(self, sock: DeadlineSocket) -> None:
        self._sock = sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._sock.receive_into(buffer)


def connect(
    host: str, port: int, deadline: float, *, allow: Callable[[str], bool] | None = None
) -> DeadlineSocket:
    """A TCP connection to the first address of `host` that answers. Raises OSError.

    `allow` is asked about each address that was found, and what it lets pass is what we connect to: asking
    the name a second time could bring another answer."""
    found = _look_up(host, port, deadline)
    addresses = [one for one in found if allow is None or allow(str(one[4][0]))]
    why = "no address that may be connected to" if found and not addresses else "no address"
    failure: OSError = ConnectionError(f"{host} has {why}")
    for tried, (family, kind, protocol, _, address) in enumerate(addresses):
        sock = socket.socket(family, kind, protocol)
        try:
            # A share for each: one address that swallows packets leaves time for the next.
            sock.settimeout(time_left(deadline) / (len(addresses) - tried))
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            sock.close()
            failure = error
        else:
            return DeadlineSocket(sock, deadline)
    raise failure


_Found = Sequence[tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]]


def _look_up(host: str, port: int, deadline: float) -> _Found:
    # getaddrinfo takes no timeout and may block for longer than a call; its thread then ends by itself.
    answer: queue.SimpleQueue[_Found | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answer.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answer.put(error)

    threading.Thread(target=ask, name="name-lookup", daemon=True).start()
    try:
        found = answer.get(timeout=time_left(deadline))
    except queue.Empty:
        raise TimeoutError(f"looking up {host} took too long") from None
    if isinstance(found, Exception):
        raise ConnectionError(f"{host} cannot be looked up: {found}") from found
    return found
