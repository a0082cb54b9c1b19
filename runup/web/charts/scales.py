"""Axes that people can read: round numbers, and times in their own units."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date

TIMES = (
    (0.1, "0.1 s"), (1, "1 s"), (10, "10 s"), (60, "1 min"), (600, "10 min"), (3_600, "1 h"),
    (36_000, "10 h"), (86_400, "1 day"), (864_000, "10 days"),
)  # fmt: skip


def rounds(most: int, *, about: int = 4) -> list[int]:
    """0 and some round whole numbers up to one that is not below `most`; the last is the end of the axis."""
    size = _round_up(max(most, 1) / about)
    return [size * step for step in range(math.ceil(max(most, 1) / size) + 1)]


def _round_up(number: float) -> int:
    if number <= 1:
        return 1
    power = 10 ** math.floor(math.log10(number))
    rounded: float = next(part * power for part in (1, 2, 2.5, 5, 10) if part * power >= number)
    return math.ceil(rounded)


def times(longest: float) -> list[tuple[float, str]]:
    """Marks of a logarithmic axis in seconds, from a tenth to one that is not below the longest."""
    end = next((place for place, (seconds, _) in enumerate(TIMES) if seconds >= longest), len(TIMES) - 1)
    return list(TIMES[: max(end, 2) + 1])


def on_log(seconds: float, marks: Sequence[tuple[float, str]]) -> float:
    """Where on that axis, from 0 to 1."""
    low, high = math.log10(marks[0][0]), math.log10(marks[-1][0])
    return min(max((math.log10(max(seconds, marks[0][0])) - low) / (high - low), 0), 1)


def some_days(days: Sequence[date], most: int) -> list[tuple[int, str]]:
    """At most `most` evenly spaced days and their places; the year where it changes or there is but one."""
    every = max(1, math.ceil(len(days) / max(most, 1)))
    found: list[tuple[int, str]] = []
    year = 0
    for place in range(0, len(days), every):
        day = days[place]
        found.append((place, f"{day.day} {day:%b}" + (f" {day:%Y}" if day.year != year and year else "")))
        year = day.year
    return found
