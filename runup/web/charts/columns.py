"""Numbers over time: columns that stand on each other, or lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from markupsafe import Markup

from runup.web.charts.drawing import LETTER, Series, box, element, legend, line, picture, text
from runup.web.charts.scales import rounds, some_days

_HEIGHT, _BELOW = 180, 26


def columns(
    name: str, series: Sequence[Series], days: Sequence[date], *, title: str, described: str, width: int,
    as_lines: bool = False,
) -> Markup:  # fmt: skip
    """One column per day (or week, or month): the series on each other from the first up, or a line each."""
    most = max(_tops(series, as_lines=as_lines), default=0)
    marks = rounds(most)
    drawn, top = legend([(one.name, one.look) for one in series], x=0, y=2, width=width)
    top += 12
    left = len(f"{marks[-1]:,}") * LETTER + 10
    plot = _Plot(left, top, width - left - 8, marks, len(days))
    drawn += [*plot.grid(width), *plot.days(days)]
    for layer in plot.lines(series) if as_lines else plot.stacked(series):
        drawn.append(layer)
    height = int(top + _HEIGHT + _BELOW)
    return picture(name, title=title, described=described, width=width, height=height, drawn=drawn)


def _tops(series: Sequence[Series], *, as_lines: bool) -> list[int]:
    if as_lines:
        return [number for one in series for number in one.numbers]
    return [sum(numbers) for numbers in zip(*(one.numbers for one in series), strict=True)]


class _Plot:
    def __init__(self, left: float, top: float, width: float, marks: list[int], places: int) -> None:
        self._left, self._top, self._width, self._marks = left, top, width, marks
        self._each = width / max(places, 1)

    def _y(self, number: float) -> float:
        return self._top + _HEIGHT * (1 - number / self._marks[-1])

    def _x(self, place: float) -> float:
        return self._left + self._each * place

    def grid(self, width: int) -> Iterator[Markup]:
        for mark in self._marks:
            yield line(self._left, self._y(mark), width - 8, self._y(mark), "grid" if mark else "axis")
            yield text(f"{mark:,}", self._left - 6, self._y(mark) + 4, at="end", look="soft")

    def days(self, days: Sequence[date]) -> Iterator[Markup]:
        bottom = self._top + _HEIGHT
        for place, words in some_days(days, int(self._width // 90)):
            x = self._x(place + 0.5)
            yield line(x, bottom, x, bottom + 4, "axis")
            half = len(words) * LETTER / 2
            x = min(max(x, half), self._left + self._width - half + 8)
            yield text(words, x, bottom + 18, at="middle", look="soft")

    def stacked(self, series: Sequence[Series]) -> Iterator[Markup]:
        gap = 1 if self._each < 6 else self._each * 0.16
        below = [0] * len(series[0].numbers)
        for one in series:
            for place, number in enumerate(one.numbers):
                if number:
                    high = self._y(below[place] + number)
                    tall = self._y(below[place]) - high
                    yield box(self._x(place) + gap / 2, high, self._each - gap, max(tall, 0.8), one.look)
                below[place] += number

    def lines(self, series: Sequence[Series]) -> Iterator[Markup]:
        for one in series:
            points = [(self._x(at + 0.5), self._y(number)) for at, number in enumerate(one.numbers)]
            if len(points) == 1:
                yield element("circle", cx=points[0][0], cy=points[0][1], r=4, class_=one.look)
            else:
                path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
                yield element("polyline", points=path, class_=f"line {one.look}")
