"""How far values reach: median, p95, p99 and the worst, on an axis where each step is ten times the last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from runup.web.charts.drawing import LETTER, element, line, picture, shortened, text
from runup.web.charts.scales import on_log, times

_ROW = 26
_SIGNS = (("median", "mark-median"), ("p95", "mark-p95"), ("p99", "mark-p99"), ("worst", "mark-worst"))


@dataclass(frozen=True)
class Range:
    """Seconds."""

    name: str
    median: float
    p95: float
    p99: float
    worst: float


def ranges(name: str, found: Sequence[Range], *, title: str, described: str, width: int) -> Markup:
    marks = times(max((one.worst for one in found), default=1))
    left = min(max((len(one.name) for one in found), default=0) * LETTER + 10, width * 0.34)
    room, top = width - left - 26, 30
    bottom = top + len(found) * _ROW
    drawn = _legend()
    spoken = _spread(marks, room)
    for seconds, words in marks:
        x = left + room * on_log(seconds, marks)
        drawn.append(line(x, top, x, bottom, "grid"))
        if words in spoken:
            drawn.append(text(words, x, bottom + 16, at="middle", look="soft"))
    for row, one in enumerate(found):
        y = top + (row + 0.5) * _ROW
        drawn.append(text(shortened(one.name, left - 10), left - 8, y + 4, at="end"))
        places = [left + room * on_log(value, marks) for value in (one.median, one.p95, one.p99, one.worst)]
        drawn.append(line(places[0], y, places[-1], y, "reach"))
        # The median last: it is the one that must be seen where all fall together.
        for place, (_, sign) in reversed(list(zip(places, _SIGNS, strict=True))):
            drawn.append(_sign(sign, place, y))
    height = int(bottom + 24)
    return picture(name, title=title, described=described, width=width, height=height, drawn=drawn)


def _spread(marks: Sequence[tuple[float, str]], room: float) -> set[str]:
    """The words of the axis that do not run into one another."""
    shown: set[str] = set()
    end = -100.0
    for seconds, words in marks:
        x, half = room * on_log(seconds, marks), len(words) * LETTER / 2 + 3
        if x - half > end:
            shown.add(words)
            end = x + half
    return shown


def _legend() -> list[Markup]:
    drawn: list[Markup] = []
    x = 6.0
    for words, sign in _SIGNS:
        drawn += [_sign(sign, x, 9), text(words, x + 10, 13)]
        x += len(words) * LETTER + 34
    return drawn


def _sign(sign: str, x: float, y: float) -> Markup:
    """Each is a form of its own: colors are not all there is to tell them by."""
    if sign == "mark-median":
        return element("circle", cx=float(x), cy=float(y), r=5, class_=sign)
    if sign == "mark-p95":
        return element("path", d=f"M{x:.1f} {y - 6:.1f}l6 6l-6 6l-6 -6z", class_=sign)
    if sign == "mark-p99":
        return element("rect", x=float(x - 4), y=float(y - 4), width=8, height=8, class_=sign)
    return line(x, y - 7, x, y + 7, sign)
