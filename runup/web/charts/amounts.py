"""Amounts with their words: a bar per line, the number at its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from runup.web.charts.drawing import LETTER, box, picture, text

_ROW, _BAR = 40, 14


@dataclass(frozen=True)
class Amount:
    name: str
    number: int
    words: str = ""
    """Beside the number, a share for example."""


def amounts(
    name: str, found: Sequence[Amount], *, look: str, title: str, described: str, width: int
) -> Markup:
    """The words stand above their bar: they may be long, on a phone, too."""
    most = max((amount.number for amount in found), default=0) or 1
    tail = max((len(_tail(amount)) for amount in found), default=0) * LETTER + 8
    drawn: list[Markup] = []
    for row, amount in enumerate(found):
        y = row * _ROW
        wide = (width - tail) * amount.number / most
        drawn.append(text(amount.name, 0, y + 14))
        drawn.append(box(0, y + 20, max(wide, 1), _BAR, look))
        drawn.append(text(_tail(amount), max(wide, 1) + 6, y + 31.5, look="soft"))
    height = max(len(found) * _ROW, 1)
    return picture(name, title=title, described=described, width=width, height=height, drawn=drawn)


def _tail(amount: Amount) -> str:
    return f"{amount.number:,}" + (f" · {amount.words}" if amount.words else "")
