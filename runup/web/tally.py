from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)

EVERY = 10.0
"""Seconds between two writes, however much there is to count."""


class Tally:
    """Counts what may come in floods, and writes it down now and then: the first at once, what follows at
    most every EVERY seconds. `write` runs in a thread; what it could not write is kept for the next time.

    To be used in an event loop's own thread. A process that ends takes up to EVERY seconds of counts along.
    """

    def __init__(self, write: Callable[[dict[str, int]], None]) -> None:
        self._write = write
        self._counts: Counter[str] = Counter()
        self._is_due = False
        self._last = float("-inf")

    def add(self, what: str) -> None:
        self._counts[what] += 1
        self._fall_due()

    def _fall_due(self) -> None:
        if not self._is_due:
            self._is_due = True
            loop = asyncio.get_running_loop()
            loop.call_at(max(loop.time(), self._last + EVERY), self._begin)

    def _begin(self) -> None:
        loop = asyncio.get_running_loop()
        counts, self._counts = self._counts, Counter()
        loop.run_in_executor(None, self._write, dict(counts)).add_done_callback(
            lambda written: self._end(counts, written.exception())
        )

    def _end(self, counts: Counter[str], error: BaseException | None) -> None:
        self._is_due, self._last = False, asyncio.get_running_loop().time()
        if error is not None:
            log.warning("counts_not_written", error=type(error).__name__)
            self._counts += counts
        if self._counts:
            self._fall_due()
