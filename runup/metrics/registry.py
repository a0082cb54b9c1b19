from __future__ import annotations

import platform
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING

import structlog
from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from runup.database.space import Space
from runup.metrics.census import Census
from runup.metrics.families import gauge, gauges, of_census, of_counters, of_installation, of_moment
from runup.metrics.moment import read_moment
from runup.metrics.since import Since
from runup.settings import SettingsError
from scheduler.wire import since_boot
from subscribers import tzdata_version

if TYPE_CHECKING:
    from runup.application import Application

log = structlog.get_logger(__name__)

KEPT = 5.0
"""Seconds for which an answer serves everybody who asks: two Prometheuses cost as much as one."""


def registry_of(
    application: Application, *, stopwatch: Callable[[], float] = since_boot
) -> CollectorRegistry:
    """A registry of its own: nothing that another library counts is told. It has begun to look."""
    registry = CollectorRegistry(auto_describe=False)
    rows = Rows(application, stopwatch)
    rows.collect()
    registry.register(rows)
    ProcessCollector(registry=registry)
    return registry


@dataclass(eq=False)
class Rows(Collector):
    """All that is read from the rows, KEPT seconds old at most. Any number of threads may ask."""

    application: Application
    stopwatch: Callable[[], float]
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _kept: list[Metric] = field(default_factory=list, init=False)
    _read_at: float = field(default=0.0, init=False)
    _since: Since = field(default_factory=Since, init=False)

    def __post_init__(self) -> None:
        self._census = Census(self.stopwatch)

    def collect(self) -> list[Metric]:
        with self._lock:
            if not self._kept or self.stopwatch() - self._read_at > KEPT:
                self._kept = [*self._installation(), *self._rows()]
                self._read_at = self.stopwatch()
            return self._kept

    def describe(self) -> list[Metric]:
        return []

    def _rows(self) -> Iterator[Metric]:
        """Of a database that does not answer only that is told: Prometheus must see it, and not a timeout."""
        now = self.application.clock()
        try:
            with self.application.database.read() as session:
                self._since.look(session, now=now)
                found = [
                    *of_moment(read_moment(session, now=now)),
                    *of_census(self._census.take(session, now=now)),
                ]
        except SQLAlchemyError as error:
            log.warning("metrics_not_read", error=type(error).__name__)
            yield gauge("runup_database_up", "1 while the database answers.", 0)
            return
        yield gauge("runup_database_up", "1 while the database answers.", 1)
        yield from found
        yield from of_counters(self._since)

    def _installation(self) -> Iterator[Metric]:
        application = self.application
        yield of_installation(
            {
                "version": version("runup"),
                "python": platform.python_version(),
                "tzdata": tzdata_version(),
                "database": application.database.engine.dialect.name,
            }
        )
        yield gauge(
            "runup_rate_limit", "Emails a second that may leave; 0 is no limit.", application.settings.rate
        )
        spaces = {
            "database": application.database.space,
            "journal": Space(application.settings.journal_folder / "journal"),
        }
        free = [
            ((name,), space.free) for name, space in spaces.items() if space and space.file.parent.is_dir()
        ]
        yield gauges("runup_free_bytes", "Free space where it lies.", ["of"], free)


@contextmanager
def exposing(application: Application, listen: str) -> Iterator[str]:
    """`/metrics` for whoever reaches the network address `listen` (host:port), without a token; "" does
    nothing. Gives the address it got. Raises SettingsError where it cannot listen there."""
    if not listen:
        yield ""
        return
    host, _, port = listen.rpartition(":")
    try:
        server, thread = start_http_server(int(port), host.strip("[]"), registry=registry_of(application))
    except OSError as error:
        raise SettingsError(f"metrics_listen: cannot listen on {listen}: {error.strerror}") from None
    try:
        yield f"{host}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
