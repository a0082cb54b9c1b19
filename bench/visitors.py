"""Visitors of a site who sign up at a steady rate over kept connections, each for an address of their own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

CONNECTIONS = 256
"""At most; one more is opened when somebody is to leave and none is free."""
IDLE = 2.0
"""Seconds after which a connection that nobody needs is closed."""
PATIENCE = 60.0
TAKEN = b'"status":"check_your_inbox"'
_HEAD = (
    "POST /api/sign-ups HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
    "X-Forwarded-For: {network}\r\nContent-Length: {length}\r\n\r\n"
)


@dataclass
class Tale:
    """What became of all visitors. A wait is counted from the moment a visitor was to leave, in seconds."""

    waits: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    seconds: float = 0.0
    per_second: list[int] = field(default_factory=list)
    """Answers in each second."""
    cpu: float = 0.0
    connections: int = 0
    """At most, at one time."""


def fields(name: str, interview_on: date) -> dict[str, Any]:
    return {
        "email": f"{name}@example.com",
        "first_name": "Sam",
        "interview_date": interview_on.isoformat(),
        "interview_time": "14:00",
        "home_zone": "America/St_Johns",
        "mode": "video",
    }


def requests(count: int, interview_on: date) -> list[bytes]:
    """The bytes of each visitor's sign-up: another address, from another network."""
    return [_request(number, interview_on) for number in range(count)]


def _request(number: int, interview_on: date) -> bytes:
    body = json.dumps(fields(f"person{number}", interview_on) | {"consent": True}).encode()
    network = f"2001:db8:{number >> 16:x}:{number & 0xFFFF:x}::1"
    return _HEAD.format(network=network, length=len(body)).encode() + body


def visit(host: str, port: int, sent: Sequence[bytes], rate: float) -> Tale:
    """Send each at its moment, whether those before are answered or not, and look at every answer."""
    before = _cpu()
    tale = asyncio.run(_Crowd(host, port, sent, rate).visit())
    tale.cpu = _cpu() - before
    return tale


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class _Crowd:
    def __init__(self, host: str, port: int, sent: Sequence[bytes], rate: float) -> None:
        self._host, self._port, self._sent, self._rate = host, port, sent, rate
        self._free: list[_Connection] = []
        self._queue: deque[int] = deque()
        self._open = self._answered = 0
        self._began = 0.0
        self._tale = Tale()
        self._opening: set[asyncio.Task[None]] = set()

    async def visit(self) -> Tale:
        loop = asyncio.get_running_loop()
        self._done = loop.create_future()
        self._began = loop.time() + 0.2
        await asyncio.sleep(0.2)
        for number in range(len(self._sent)):
            wait = self._due(number) - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            self._queue.append(number)
            self._leave()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._done, PATIENCE)
        self._tale.errors += ["no answer"] * (len(self._sent) - self._answered)
        self._tale.seconds = loop.time() - self._began
        return self._tale

    def _due(self, number: int) -> float:
        return self._began + number / self._rate

    def _leave(self) -> None:
        while self._queue and self._free:
            number = self._queue.popleft()
            self._free.pop().ask(self._sent[number], number)
        if self._queue and self._open + len(self._opening) < CONNECTIONS:
            task = asyncio.ensure_future(self._connect())
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(lambda: _Connection(self), self._host, self._port)
        self._open += 1
        self._tale.connections = max(self._tale.connections, self._open)
        self.is_free(connection)

    def is_free(self, connection: _Connection) -> None:
        now = asyncio.get_running_loop().time()
        connection.free_since = now
        self._free.append(connection)
        # The site hangs up on who has nothing to say for five seconds; like any proxy we are first.
        if self._free[0].free_since < now - IDLE:
            self._free.pop(0).close()
        self._leave()

    def is_gone(self, connection: _Connection) -> None:
        self._open -= 1
        if connection in self._free:
            self._free.remove(connection)

    def heard(self, number: int, why_not: str) -> None:
        now = asyncio.get_running_loop().time()
        if why_not:
            self._tale.errors.append(why_not)
        else:
            self._tale.waits.append(now - self._due(number))
            second = int(now - self._began)
            self._tale.per_second += [0] * (second + 1 - len(self._tale.per_second))
            self._tale.per_second[second] += 1
        self._answered += 1
        if self._answered == len(self._sent):
            self._done.set_result(None)


class _Connection(asyncio.Protocol):
    """One request at a time; what comes back is read to its end."""

    free_since = 0.0

    def __init__(self, crowd: _Crowd) -> None:
        self._crowd = crowd
        self._number: int | None = None
        self._heard = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._write: Callable[[bytes], None] = transport.write
        self.close: Callable[[], None] = transport.close

    def ask(self, request: bytes, number: int) -> None:
        self._number, self._heard = number, b""
        self._write(request)

    def data_received(self, data: bytes) -> None:
        self._heard += data
        head, end, body = self._heard.partition(b"\r\n\r\n")
        if end and len(body) >= _length(head) and self._number is not None:
            is_taken = head.startswith(b"HTTP/1.1 202 ") and TAKEN in body
            number, self._number = self._number, None
            self._crowd.heard(number, "" if is_taken else head[:40].decode("latin-1"))
            self._crowd.is_free(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._crowd.is_gone(self)
        if self._number is not None:
            self._crowd.heard(self._number, f"hung up: {exc}")


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0
