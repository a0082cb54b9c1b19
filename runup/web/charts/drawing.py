"""The pieces every chart is made of. Coordinates are in CSS pixels of a picture that is not scaled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

LETTER = 6.6
"""The width of a usual letter at the size of the charts' words."""


@dataclass(frozen=True)
class Series:
    """Numbers that belong together. `look` is the class of report.css that colors them."""

    name: str
    look: str
    numbers: Sequence[int]


def element(name: str, content: object = "", **attributes: object) -> Markup:
    """An SVG element; `class_` is `class`, `font_size` is `font-size`, floats are rounded to a tenth."""
    written = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _short(value))
        for key, value in attributes.items()
    )
    if content == "":
        return Markup("<{}{}/>").format(name, written)
    return Markup("<{0}{1}>{2}</{0}>").format(name, written, content)


def _short(value: object) -> object:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else value


def picture(
    name: str, *, title: str, described: str, width: int, height: int, drawn: Iterable[Markup]
) -> Markup:
    """The whole chart. `name` makes its ids; it is one word, another one for each picture of a page."""
    words = element("title", title, id=f"{name}-title") + element("desc", described, id=f"{name}-desc")
    return element(
        "svg",
        words + Markup("").join(drawn),
        class_="chart",
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
    )


def text(words: object, x: float, y: float, *, at: str = "start", look: str = "") -> Markup:
    """`at` the point are the words' start, middle or end."""
    more = {"class_": look} if look else {}
    return element("text", escape(words), x=float(x), y=float(y), text_anchor=at, **more)


def line(x1: float, y1: float, x2: float, y2: float, look: str) -> Markup:
    return element("line", x1=float(x1), y1=float(y1), x2=float(x2), y2=float(y2), class_=look)


def box(x: float, y: float, width: float, height: float, look: str) -> Markup:
    return element(
        "rect", x=float(x), y=float(y), width=float(max(width, 0)), height=float(max(height, 0)), class_=look
    )


def legend(
    entries: Sequence[tuple[str, str]], *, x: float, y: float, width: float
) -> tuple[list[Markup], float]:
    """Names with their colors, in as many lines as they need; and the height of those lines."""
    drawn: list[Markup] = []
    at, row = x, 0
    for name, look in entries:
        need = len(name) * LETTER + 28
        if at > x and at + need > x + width:
            at, row = x, row + 1
        drawn += [box(at, y + row * 20, 12, 12, look), text(name, at + 17, y + row * 20 + 10.5)]
        at += need
    return drawn, (row + 1) * 20


def shortened(words: str, room: float) -> str:
    most = max(int(room / LETTER), 4)
    return words if len(words) <= most else f"{words[: most - 1]}…"
