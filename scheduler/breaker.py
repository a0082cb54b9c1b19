"""The breaker: when calls to a provider that fails them all stop, and when one is tried again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from delivery.provider import AccountRefused, NotSent, Unknown
from scheduler.outcomes import NOT_CALLED, Outcome

PROBE_EVERY = timedelta(seconds=30)
WRONG_CLOCK = 3 * PROBE_EVERY
"""A probe due later than this was written by a clock that was wrong."""
FAILURES_TO_OPEN = 5
WINDOW = timedelta(seconds=60)
WINDOW_CALLS = 20
WINDOW_SHARE = 0.5
FAILURES = (NotSent.kind, Unknown.kind, AccountRefused.kind)
"""A refused email (R) is none: the provider works, it is that email it does not want."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How a provider's breaker stands, for all workers alike.

    It opens when the account is refused, after five failures in a row, or when at least half of twenty calls
    or more failed within a minute; the minute begins with a failure, so that a provider that works costs no
    counting. Open, one real send is tried every thirty seconds, and the answer to that alone closes it: what
    was on the wire already proves nothing about now.
    """

    opened_at: datetime | None = None
    probe_at: datetime | None = None
    why: str = ""
    failures: int = 0
    window_at: datetime | None = None
    window_calls: int = 0
    window_failures: int = 0

    @property
    def is_open(self) -> bool:
        return self.opened_at is not None

    @property
    def is_quiet(self) -> bool:
        """Closed, and without a failure to remember."""
        return self == CLOSED

    def may_probe(self, now: datetime) -> bool:
        return self.probe_at is not None and not now < self.probe_at <= now + WRONG_CLOCK

    def heard(self, outcome: Outcome, *, is_probe: bool, now: datetime) -> Reading:
        """After one more outcome. `is_probe`: the call was the one tried while it was open."""
        if outcome.kind == NOT_CALLED:
            return self
        is_failure = outcome.kind in FAILURES
        if self.is_open:
            return self._heard_open(outcome, is_failure=is_failure, is_probe=is_probe, now=now)
        counted = self._counted(outcome, is_failure=is_failure, now=now)
        if outcome.kind == AccountRefused.kind or counted._is_too_much:
            return Reading(opened_at=now, probe_at=now + PROBE_EVERY, why=counted.why)
        return counted

    def _heard_open(self, outcome: Outcome, *, is_failure: bool, is_probe: bool, now: datetime) -> Reading:
        if not is_probe:
            return self
        if not is_failure:
            return CLOSED
        return replace(self, probe_at=now + PROBE_EVERY, why=outcome.error[:300])

    def _counted(self, outcome: Outcome, *, is_failure: bool, now: datetime) -> Reading:
        # A clock that went back ends the minute as well.
        is_running = self.window_at is not None and timedelta(0) <= now - self.window_at < WINDOW
        if not is_failure and not is_running:
            return CLOSED
        return Reading(
            why=outcome.error[:300] if is_failure else self.why,
            failures=self.failures + 1 if is_failure else 0,
            window_at=self.window_at if is_running else now,
            window_calls=self.window_calls + 1 if is_running else 1,
            window_failures=(self.window_failures if is_running else 0) + is_failure,
        )

    @property
    def _is_too_much(self) -> bool:
        share = self.window_failures >= WINDOW_SHARE * self.window_calls
        return self.failures >= FAILURES_TO_OPEN or (self.window_calls >= WINDOW_CALLS and share)


CLOSED = Reading()
