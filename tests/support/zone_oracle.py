"""What clocks show, found by looking at every quarter of an hour in UTC: no code under test is used.

Only the direction UTC to wall clock is asked of zoneinfo, which has no rule for gaps and overlaps; the other
direction, which is the one with rules, is searched.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from itertools import pairwise

QUARTER = timedelta(minutes=15)
STEP = timedelta(days=5)
UNTIL = datetime(2036, 1, 1, tzinfo=UTC)


def names() -> list[str]:
    """Every name of the tzdata package, from the list it ships."""
    return files("tzdata").joinpath("zones").read_text().split()


@cache
def zone_of(name: str) -> zoneinfo.ZoneInfo:
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return zoneinfo.ZoneInfo.from_file(file, key=name)


def transitions(name: str, *, begin: datetime) -> Iterator[datetime]:
    """The moments, to the minute, at which the offset changes."""
    at = begin
    while at < UNTIL:
        after = at + STEP
        if offset(name, at) != offset(name, after):
            low, high = at, after
            while high - low > timedelta(minutes=1):
                middle = low + (high - low) // 2
                middle -= timedelta(seconds=middle.second, microseconds=middle.microsecond)
                low, high = (middle, high) if offset(name, middle) == offset(name, low) else (low, middle)
            yield high
        at = after


def offset(name: str, at: datetime) -> timedelta | None:
    return at.astimezone(zone_of(name)).utcoffset()


class Almanac:
    """The clocks of one zone around one moment: which UTC quarter first shows which wall time."""

    def __init__(self, name: str, around: datetime, days: int) -> None:
        begin = datetime.combine(around.date() - timedelta(days=days), time(), UTC)
        self._shown: dict[datetime, datetime] = {}
        self._offsets: list[tuple[datetime, timedelta]] = []
        zone = zone_of(name)
        for n in range(days * 2 * 96):
            at = begin + n * QUARTER
            here = at.astimezone(zone)
            self._shown.setdefault(here.replace(tzinfo=None, fold=0), at)
            shift = here.utcoffset()
            assert shift is not None
            if not self._offsets or self._offsets[-1][1] != shift:
                self._offsets.append((at, shift))

    def moment(self, day: date, wall: time) -> datetime:
        """The first moment at which clocks show this; when they never do, what the clocks before the jump
        would have called so."""
        naive = datetime.combine(day, wall)
        if naive in self._shown:
            return self._shown[naive]
        for (_, before), (jump, after) in pairwise(self._offsets):
            if jump + before <= naive.replace(tzinfo=UTC) < jump + after:
                return (naive - before).replace(tzinfo=UTC)
        raise AssertionError(f"{naive} is outside these pages")

    def walls(self) -> Iterator[tuple[date, time]]:
        """Every quarter of an hour of the wall clock a day from both ends, missing ones too."""
        shown = sorted(self._shown)
        at = shown[0] + timedelta(days=1)
        while at < shown[-1] - timedelta(days=1):
            yield at.date(), at.time()
            at += QUARTER
