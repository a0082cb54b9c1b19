"""How often somebody may ask: counted in this process, by the application's own clock."""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

MOST_REMEMBERED = 50_000
"""Keys. Past that the one not seen for longest is forgotten: no crowd can fill the memory."""


@dataclass(frozen=True)
class Limit:
    """At most so many `within` any span of that length."""

    name: str
    most: int
    within: timedelta


SIGN_UPS = Limit("sign-ups of a network", 60, timedelta(minutes=10))
SIGN_UPS_A_DAY = Limit("sign-ups of a network in a day", 500, timedelta(days=1))
FILES = Limit("files of a network", 60, timedelta(minutes=10))
PLANS = Limit("plans of a network", 300, timedelta(minutes=1))
MAILBOX = Limit("sign-ups for a mailbox", 5, timedelta(hours=1))
MAILBOX_A_DAY = Limit("sign-ups for a mailbox in a day", 10, timedelta(days=1))


class TooMany(Exception):
    """The limit is reached; `seconds` until it is worth trying again."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(f"try again in {seconds} s")


class Turnstile:
    """Counts who passed. A refused attempt does not count, so that waiting always helps.

    Each process counts for itself, and a restart begins anew: with several processes the limits are that much
    wider. The confirmation emails have limits of their own, in the database.
    """

    def __init__(self) -> None:
        self._passed: OrderedDict[tuple[str, str], deque[datetime]] = OrderedDict()
        self._lock = Lock()

    def take(self, who: str, *limits: Limit, now: datetime) -> None:
        """Pass, and be counted, or raise TooMany; counted by every limit or by none."""
        with self._lock:
            waits = [self._wait(limit, who, now=now) for limit in limits]
            if any(waits):
                raise TooMany(max(waits))
            for limit in limits:
                self._passed.setdefault((limit.name, who), deque()).append(now)
                self._passed.move_to_end((limit.name, who))
            while len(self._passed) > MOST_REMEMBERED:
                self._passed.popitem(last=False)

    @contextmanager
    def unless_it_fails(self, who: str, *limits: Limit) -> Iterator[None]:
        """What was taken last counts only if the block succeeds: nobody is kept waiting, or told that it is
        done, for what we could not write down."""
        try:
            yield
        except BaseException:
            with self._lock:
                for limit in limits:
                    if passed := self._passed.get((limit.name, who)):
                        passed.pop()
            raise

    def has_passed(self, who: str, limit: Limit, *, now: datetime) -> bool:
        with self._lock:
            self._wait(limit, who, now=now)
            return bool(self._passed.get((limit.name, who)))

    def _wait(self, limit: Limit, who: str, *, now: datetime) -> int:
        """Whole seconds until there is room; 0 when there is."""
        passed = self._passed.get((limit.name, who), deque())
        while passed and passed[0] <= now - limit.within:
            passed.popleft()
        if len(passed) < limit.most:
            return 0
        return max(1, math.ceil((passed[0] + limit.within - now).total_seconds()))
