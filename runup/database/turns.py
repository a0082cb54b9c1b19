from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock


class Turns:
    """One thread after the other, in the order in which they came.

    SQLite has one writer at a time and no queue: who waits looks again after up to a tenth of a second, and
    whoever asks at the right moment goes first. With many writers the lock lies idle between two looks, and
    somebody is overtaken until the patience of SQLite is over.
    """

    def __init__(self) -> None:
        self._guard = Lock()
        self._is_taken = False
        self._waiting: deque[Lock] = deque()

    @contextmanager
    def take(self, *, within: float) -> Iterator[None]:
        """Wait `within` seconds at most; whose turn has not come by then goes on without one, and the
        database decides."""
        has_turn = self._wait(within)
        try:
            yield
        finally:
            if has_turn:
                self._pass_on()

    def _wait(self, within: float) -> bool:
        mine = Lock()
        with self._guard:
            if not self._is_taken:
                self._is_taken = True
                return True
            mine.acquire()
            self._waiting.append(mine)
        if mine.acquire(timeout=within):
            return True
        with self._guard:
            if mine in self._waiting:
                self._waiting.remove(mine)
                return False
        return True  # it came at the last moment

    def _pass_on(self) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._is_taken = False
