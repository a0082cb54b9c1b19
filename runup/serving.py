"""Running until told to stop: the site, workers, and the order in which they end."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import structlog
import uvicorn

from runup.application import Application
from runup.database import Database, DatabaseError
from runup.database.file_system import network_file_system
from runup.providing import collector_of, poster_of
from runup.punctual import Punctual
from scheduler import Clock, Journal, only_worker
from scheduler.installation import arrive
from scheduler.installation import resume as let_go
from scheduler.machine import place_of
from scheduler.transaction import transact

log = structlog.get_logger(__name__)

HAND_OVER = 0.001
"""Seconds for which one thread may compute while others wait. The site shares its process with a worker, and
with Python's own five milliseconds every step of an answer would wait that long for one being rendered."""


@contextmanager
def working(
    application: Application, *, resume: bool = False, on_arrival: Callable[[], None] = lambda: None
) -> Iterator[Clock]:
    """A worker that ticks meanwhile. At the end it claims nothing more and its calls may answer (20 s).

    It starts stopped where something is not as it was (another machine, an older database, a long absence);
    `resume` lets go of that, and of every other brake. `on_arrival` is called when it is known, before the
    first tick. Raises AlreadyRunning when another process works on the same SQLite file, and DatabaseError
    where that file lies on a network file system."""
    _refuse_a_network(application.database)
    with only_worker(application.database.file):
        arrive_at(application, resume=resume)
        on_arrival()
        clock = Clock(
            application.worker(), collector=collector_of(application), poster=poster_of(application)
        )
        clock.start()
        try:
            yield clock
        finally:
            clock.stop()


def _refuse_a_network(database: Database) -> None:
    kind = network_file_system(database.file) if database.file is not None else ""
    if kind:
        raise DatabaseError(
            f"the database lies on {kind}, whose locks do not hold; move it to a local disk or use PostgreSQL"
        )


def arrive_at(application: Application, *, resume: bool = False) -> None:
    """Look whether this database is where it was, the newest there was, and had somebody at work."""
    settings, database, now = application.settings, application.database, application.clock()
    place, journal = place_of(database, name=settings.machine), Journal(settings.journal_folder)
    for hold in transact(database, lambda s: arrive(s, place=place, journal=journal.lines(), now=now)):
        log.warning("starts_stopped", kind=hold.kind, why=hold.detail)
    if resume:
        for hold in transact(database, lambda s: let_go(s, now=now)):
            log.warning("resumed", kind=hold.kind)


@contextmanager
def until_told(at_once: Callable[[], None] = lambda: None) -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set. A second signal calls `at_once` and ends the process: what is on
    the wire is in doubt then, and settled at the next start."""
    told = threading.Event()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if told.is_set():
            at_once()
            os._exit(128 + number)
        told.set()

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises OSError when the port is taken or not ours to take."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family)
    # Connections inherit it. asyncio sets it only where a socket names its protocol, which this one does not:
    # every answer on a kept connection would wait 40 ms for the acknowledgement of its own head.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


class Site:
    """The site on a listening socket, in a thread of its own."""

    def __init__(self, application: Application, listener: socket.socket) -> None:
        from runup.web.app import create_app

        trusted = list(application.settings.trusted_proxies)
        self._server = uvicorn.Server(
            uvicorn.Config(
                create_app(application),
                http=Punctual,
                # Paths hold people's links: they are not logged.
                access_log=False,
                # Its own handlers would write what nobody has masked.
                log_config=None,
                log_level="warning",
                lifespan="off",
                server_header=False,
                proxy_headers=bool(trusted),
                forwarded_allow_ips=trusted or None,
                timeout_graceful_shutdown=10,
            )
        )
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listener]}, name="site", daemon=True
        )

    def start(self) -> None:
        self._hand_over = sys.getswitchinterval()
        sys.setswitchinterval(HAND_OVER)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    def stop(self) -> None:
        """Answer what has been asked and end."""
        self._server.should_exit = True
        self._thread.join(timeout=15)
        sys.setswitchinterval(self._hand_over)
