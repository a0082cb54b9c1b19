"""The calls under way: threads that call the provider, and nothing but answers that come back."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread

import structlog

from delivery.email import Email
from delivery.provider import DeliveryError, Provider
from scheduler.intending import GUARD
from scheduler.outcomes import NOT_CALLED, OK, Answer, Outcome

log = structlog.get_logger(__name__)

GATHER = 0.02
"""Seconds to wait for more answers once there is one: they are written down together."""


def since_boot() -> float:
    """Seconds on a clock that nobody sets; those a machine slept through count, where the system can tell."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(frozen=True)
class Call:
    send_id: int
    email: Email
    token: str
    intended: float
    """The stopwatch at the intent."""


class Wire:
    """Makes `threads` calls at once, in order where there is one, and takes `size` in all."""

    def __init__(
        self, provider: Provider, *, threads: int, size: int, stopwatch: Callable[[], float] = since_boot
    ) -> None:
        self.size = size
        self.flying = 0
        """Launched and not yet landed."""
        self._provider = provider
        self._stopwatch = stopwatch
        self._calls: SimpleQueue[Call | None] = SimpleQueue()
        self._answers: SimpleQueue[Answer] = SimpleQueue()
        self._most_threads = threads
        self._threads: list[Thread] = []

    @property
    def free(self) -> int:
        return max(self.size - self.flying, 0)

    def launch(self, calls: Collection[Call]) -> None:
        self.flying += len(calls)
        if self._most_threads == 1:
            for call in calls:
                self._answers.put(self._made(call))
            return
        while len(self._threads) < min(self.flying, self._most_threads):
            self._threads.append(Thread(target=self._run, name="deliver", daemon=True))
            self._threads[-1].start()
        for call in calls:
            self._calls.put(call)

    def land(self, *, most: int) -> list[Answer]:
        """The answers that have come, at most `most`. Waits for one, and then a moment for more."""
        answers: list[Answer] = []
        while self.flying and len(answers) < most:
            try:
                answers.append(self._answers.get(timeout=GATHER) if answers else self._answers.get())
            except Empty:
                break
            self.flying -= 1
        return answers

    def close(self) -> None:
        """End the threads; calls under way are waited for."""
        for _ in self._threads:
            self._calls.put(None)
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            self._answers.put(self._made(call))

    def _made(self, call: Call) -> Answer:
        return Answer(
            send_id=call.send_id,
            reference=call.email.reference,
            number=call.email.attempt,
            token=call.token,
            outcome=self._outcome(call),
        )

    def _outcome(self, call: Call) -> Outcome:
        """One call. A machine that slept since the last checks makes none at all."""
        if self._stopwatch() - call.intended > GUARD.total_seconds():
            return Outcome(kind=NOT_CALLED, error="too much time passed after the last checks")
        try:
            accepted = self._provider.deliver(call.email)
        except DeliveryError as error:
            return Outcome.failed(error)
        except Exception as error:  # a provider that lies about its errors leaves us in doubt, not dead
            log.exception("provider_bug", provider=self._provider.name, error=type(error).__name__)
            return Outcome(kind="U", error=type(error).__name__)
        return Outcome(kind=OK, status=accepted.status, message_id=accepted.message_id)
