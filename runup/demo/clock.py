from __future__ import annotations

from datetime import datetime


class VirtualClock:
    """A clock that stands still until it is told to go on. Aware UTC; it never goes back."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError(f"{start!r} has no time zone")
        self._now = start

    def __call__(self) -> datetime:
        return self._now

    def advance_to(self, moment: datetime) -> None:
        self._now = max(self._now, moment)
