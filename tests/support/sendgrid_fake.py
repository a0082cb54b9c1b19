"""A SendGrid on a real loopback socket: validates like the published API, logs what it took, fails on demand.

In a test, with the folder of this file on `sys.path`:

    with SendGridFake() as fake:
        fake.fail_next(RST_AFTER_BODY)
        ... SendGridConfig(api_key="SG.test", host=fake.url) ...
        assert [accept.mid for accept in fake.accepted] == [...]

As a process of its own, for benchmarks and kill campaigns; it prints its address as the first line:

    python tests/support/sendgrid_fake.py --log accepted.jsonl --latency 50 --fault rst-after-body=0.01

The accept log is the oracle: an email stands in it exactly when the provider has taken it. With a log file
the line is on the disk before the reply leaves.
"""

from __future__ import annotations

import argparse
import collections
import os
import random
import secrets
import signal
import ssl
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from loop_thread import LoopThread
from sendgrid_connection import Connection
from sendgrid_faults import NAMED, Fault

__all__ = ["Accept", "SendGridFake"]


@dataclass(frozen=True)
class Accept:
    """One email taken, for one person."""

    mid: str
    att: str
    to: str
    subject: str
    at: float
    message_id: str


class SendGridFake:
    """Runs in a thread of its own between `start` and `stop`. What it has seen may be read at any time."""

    def __init__(
        self,
        *,
        api_key: str | None = None,
        port: int = 0,
        latency: float = 0.0,
        log: Path | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.api_key = api_key
        self.latency = latency
        self.accepted: list[Accept] = []
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        """Method, path and headers of each request whose head arrived."""
        self.bodies: collections.deque[dict[str, Any]] = collections.deque(maxlen=100)
        """The latest valid bodies."""
        self.date: datetime | None = None
        """What its clock says in every reply; None: it says nothing."""
        self.connections = 0
        self.choose_fault: Callable[[], Fault | None] = lambda: None
        """Asked for every request that `fail_next` has nothing for."""
        self.port = port
        self._tls = tls
        self._next: collections.deque[Fault] = collections.deque()
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) if log is not None else None
        self._waiting: list[tuple[bytes, Callable[[], None]]] = []
        self._thread = LoopThread()
        self._open: set[Connection] = set()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://localhost:{self.port}"

    def fail_next(self, *faults: Fault) -> None:
        """The next requests (or connections, for faults at accept) meet these, one each, in this order."""
        self._next.extend(faults)

    def take_fault(self) -> Fault | None:
        return self._next.popleft() if self._next else self.choose_fault()

    def peek_fault(self) -> Fault | None:
        return self._next[0] if self._next else None

    def start(self) -> SendGridFake:
        self.port = self._thread.start(
            lambda: Connection(self), port=self.port, tls=self._tls, at_end=self._reset_all
        )
        return self

    def stop(self) -> None:
        self._thread.stop()
        if self._log is not None:
            os.close(self._log)

    def __enter__(self) -> SendGridFake:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def close_idle(self) -> None:
        """Close every connection from our side, as servers do with idle ones; returns when that is done."""

        def close() -> None:
            for connection in list(self._open):
                connection.close()

        self._thread.call(close)

    def wait_until_closed(self, seconds: float = 5.0) -> bool:
        """Whether the last connection ends in time."""
        deadline = time.monotonic() + seconds
        while self._open and time.monotonic() < deadline:
            self._thread.call(lambda: None)
        return not self._open

    def opened(self, connection: Connection) -> None:
        self.connections += 1
        self._open.add(connection)

    def closed(self, connection: Connection) -> None:
        self._open.discard(connection)

    def accept(self, body: dict[str, Any], reply: Callable[[str], None]) -> None:
        """Take the email; `reply` gets its message id once the accept log holds it."""
        message_id = secrets.token_urlsafe(16)
        self.bodies.append(body)
        taken: list[Accept] = []
        for person in body["personalizations"]:
            arguments = body.get("custom_args", {}) | person.get("custom_args", {})
            mid, att = arguments.get("mid", ""), arguments.get("att", "")
            subject = person.get("subject", body.get("subject", ""))
            now = time.time()
            taken += [Accept(mid, att, to["email"], subject, now, message_id) for to in person["to"]]
        self.accepted += taken
        if self._log is None:
            reply(message_id)
            return
        lines = b"".join(orjson.dumps(asdict(accept)) + b"\n" for accept in taken)
        if not self._waiting:
            self._thread.loop.call_soon(self._write_log)
        self._waiting.append((lines, lambda: reply(message_id)))

    def _write_log(self) -> None:
        # One fsync for all that arrived meanwhile, then their replies.
        assert self._log is not None
        waiting, self._waiting = self._waiting, []
        os.write(self._log, b"".join(lines for lines, _ in waiting))
        os.fsync(self._log)
        for _, reply in waiting:
            reply()

    def _reset_all(self) -> None:
        for connection in list(self._open):
            connection.reset()


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description="A SendGrid for benchmarks and kill campaigns.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", type=Path, help="the accept log, JSON lines, fsynced before each reply")
    parser.add_argument("--latency", type=float, default=0.0, help="milliseconds before each reply")
    parser.add_argument("--api-key", help="the only good key; without it every SG. key is")
    parser.add_argument(
        "--fault", action="append", default=[], metavar="NAME=RATE", help=f"one of {', '.join(NAMED)}"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the faults' dice")
    options = parser.parse_args(arguments)
    fake = SendGridFake(
        api_key=options.api_key, port=options.port, latency=options.latency / 1000, log=options.log
    )
    dice = random.Random(options.seed)
    rates = [
        (NAMED[name], float(rate)) for name, _, rate in (fault.partition("=") for fault in options.fault)
    ]
    fake.choose_fault = lambda: next((fault for fault, rate in rates if dice.random() < rate), None)
    # Blocked before the thread starts, so that only sigwait gets them.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    with fake:
        print(fake.url, flush=True)  # noqa: T201 - the address is the output
        signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    main(sys.argv[1:])
