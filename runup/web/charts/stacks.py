"""What a whole is made of: one bar of parts per line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from runup.web.charts.drawing import LETTER, box, legend, line, picture, shortened, text
from runup.web.charts.scales import rounds

_ROW, _BAR = 26, 16


@dataclass(frozen=True)
class Stack:
    """`parts` in the order of the looks."""

    name: str
    parts: Sequence[int]


def stacks(
    name: str, found: Sequence[Stack], looks: Sequence[tuple[str, str]], *, title: str, described: str,
    width: int,
) -> Markup:  # fmt: skip
    """`looks`: the name and the class of each part."""
    most = max((sum(stack.parts) for stack in found), default=0)
    marks = rounds(most, about=3 if width < 500 else 5)
    drawn, top = legend(looks, x=0, y=2, width=width)
    top += 6
    left = min(max((len(stack.name) for stack in found), default=0) * LETTER + 10, width * 0.34)
    room = width - left - len(f"{marks[-1]:,}") * LETTER / 2 - 4
    bottom = top + len(found) * _ROW
    for mark in marks:
        x = left + room * mark / marks[-1]
        drawn += [line(x, top, x, bottom, "grid" if mark else "axis")]
        drawn += [text(f"{mark:,}", x, bottom + 16, at="middle", look="soft")]
    for row, stack in enumerate(found):
        y = top + row * _ROW
        drawn.append(text(shortened(stack.name, left - 10), left - 8, y + _ROW / 2 + 4, at="end"))
        x = left
        for part, (_, look) in zip(stack.parts, looks, strict=True):
            wide = room * part / marks[-1]
            if part:
                drawn.append(box(x, y + (_ROW - _BAR) / 2, max(wide, 0.8), _BAR, look))
            x += wide
    height = int(bottom + 24)
    return picture(name, title=title, described=described, width=width, height=height, drawn=drawn)
