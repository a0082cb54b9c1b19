from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from delivery.provider import AccountRefused, Rejected
from scheduler.outcomes import NOT_CALLED, OK, Outcome

OPEN_FOR = timedelta(seconds=30)
FAILURES_TO_OPEN = 5


@dataclass
class Breaker:
    """Stops the calls to a provider that fails them all.

    Opens when the account is refused, or after five failures in a row. Then one real send goes as a probe
    every thirty seconds: it opens anew or, answered, closes. Known to this process alone.
    """

    opened_until: datetime | None = None
    why: str = ""
    _failures: int = 0

    def room(self, free: int, *, flying: int, now: datetime) -> int:
        """How many of `free` calls may be begun."""
        if self.opened_until is None:
            return free
        return min(free, 1) if now >= self.opened_until and not flying else 0

    def held(self, provider: str, *, now: datetime) -> str:
        """Why nothing leaves, in plain words; empty when it may."""
        if self.opened_until is None or now >= self.opened_until:
            return ""
        return f"the {provider} provider fails; trying again in a moment: {self.why}"

    def hear(self, outcome: Outcome, *, now: datetime) -> None:
        if outcome.kind == NOT_CALLED:
            return
        if outcome.kind in (OK, Rejected.kind):
            self.opened_until, self.why, self._failures = None, "", 0
            return
        self._failures += 1
        if outcome.kind == AccountRefused.kind or self._failures >= FAILURES_TO_OPEN:
            self.opened_until, self.why = now + OPEN_FOR, outcome.error
