"""What many requests want written in the same moment, written in one transaction."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Generic, TypeVar

from starlette.exceptions import HTTPException

T = TypeVar("T")

MOST_TOGETHER = 64
"""Things one transaction writes: few enough that the worker's own writes hardly wait."""
MOST_WAITING = 2_000
"""Past that somebody new is told at once that we cannot: their turn would come too late for them."""
PATIENCE = 0.005
"""Seconds the first one waits for each of those who met last time: hardly at all when few come, LONGEST in a
crowd. A statement for ten costs hardly more than one for one, and whoever signs up waits for the beat
(even_answers.py) anyway."""
LONGEST = 0.05


class Gathering(Generic[T]):
    """Does `act` with all that has gathered, in a thread of its own; whoever brought something goes on when
    it is done. `act` is a transaction: it does all or nothing.

    What fails is done once more for each alone, so that nobody fails for a neighbor; not where it fails with
    one of `common`, which are nobody's own: no room, no database.
    """

    def __init__(
        self,
        act: Callable[[Sequence[T]], None],
        *,
        common: tuple[type[Exception], ...] = (),
        patience: float = PATIENCE,
    ) -> None:
        self._act = act
        self._common = common
        self._patience = patience
        self._waiting: deque[tuple[T, Future[None]]] = deque()
        self._guard = Lock()
        self._is_working = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="gathering")

    async def add(self, thing: T) -> None:
        """Returns once `act` has been done with it; raises what that raises. Who is gone meanwhile has their
        thing done all the same."""
        await asyncio.wrap_future(self._join(thing))

    def _join(self, thing: T) -> Future[None]:
        done: Future[None] = Future()
        done.set_running_or_notify_cancel()  # from here on nobody can call it off
        with self._guard:
            if len(self._waiting) >= MOST_WAITING:
                raise HTTPException(503)
            self._waiting.append((thing, done))
            if not self._is_working:
                self._thread.submit(self._work)
                self._is_working = True
        return done

    def _work(self) -> None:
        met = 2
        while True:
            if len(self._waiting) < met:
                time.sleep(min(self._patience * met, LONGEST))
            together = self._take()
            if not together:
                return
            self._do(together)
            met = len(together)

    def _take(self) -> Sequence[tuple[T, Future[None]]]:
        with self._guard:
            found = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_TOGETHER))]
            self._is_working = bool(found)
            return found

    def _do(self, together: Sequence[tuple[T, Future[None]]]) -> None:
        try:
            self._act([thing for thing, _ in together])
        except Exception as error:
            if len(together) > 1 and not isinstance(error, self._common):
                for one in together:
                    self._do([one])
                return
            for _, done in together:
                done.set_exception(error)
        else:
            for _, done in together:
                done.set_result(None)
