"""Connections kept between calls, shared by threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

IDLE_SECONDS = 15.0
"""A connection idle for longer is not used again. Servers close idle ones after a minute or so; one that
closes while our request is on its way leaves us in doubt, so we never come near that moment."""


class Kept(Protocol):
    def is_quiet(self) -> bool: ...

    def close(self) -> None: ...


C = TypeVar("C", bound=Kept)


class Pool(Generic[C]):
    """Gives out the connection used last, or opens one. A connection has one user at a time.

    `open_new` gets the deadline of the call it is for; what it raises, `take` raises.
    """

    def __init__(
        self,
        open_new: Callable[[float], C],
        *,
        idle_seconds: float = IDLE_SECONDS,
        size: int = 256,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.open_new = open_new
        self._idle_seconds = idle_seconds
        self._size = size
        self._clock = clock
        self._lock = threading.Lock()
        self._idle: list[tuple[float, C]] = []
        self._is_closed = False

    def take(self, deadline: float) -> tuple[C, bool]:
        """A connection that is ours until given back or closed, and whether it was used before."""
        while (kept := self._pop()) is not None:
            since, connection = kept
            if self._clock() - since <= self._idle_seconds and connection.is_quiet():
                return connection, True
            connection.close()
        return self.open_new(deadline), False

    def give_back(self, connection: C) -> None:
        now = self._clock()
        surplus = [connection]
        with self._lock:
            if not self._is_closed and len(self._idle) < self._size:
                self._idle.append((now, connection))
                surplus = []
            # After a rush the oldest would lie at the bottom for ever, half closed by the server.
            while self._idle and now - self._idle[0][0] > self._idle_seconds:
                surplus.append(self._idle.pop(0)[1])
        for unneeded in surplus:
            unneeded.close()

    def close(self) -> None:
        """Close what is idle; what is in use is closed when it comes back."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for _, connection in idle:
            connection.close()

    def _pop(self) -> tuple[float, C] | None:
        with self._lock:
            return self._idle.pop() if self._idle else None
