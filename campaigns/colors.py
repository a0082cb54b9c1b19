"""Arithmetic with colors: whatever an operator's brand color is, words in it and on it can be read.

Colors are "#rrggbb". Ratios are WCAG's, 1 to 21.
"""

from __future__ import annotations

import colorsys
import re
from collections.abc import Callable

READABLE = 4.5
"""WCAG 2.2 AA for text."""
WHITE, INK = "#FFFFFF", "#14161F"
_COLOR = re.compile("#[0-9A-Fa-f]{6}")
_STEP = 0.01

Rgb = tuple[float, float, float]


def readable(color: str, *grounds: str) -> str:
    """`color`, made darker or lighter (hue kept) until text in it is readable on each of `grounds`.

    The grounds are all light or all dark.
    """
    step = -_STEP if _luminance(_rgb(grounds[0])) > 0.2 else _STEP
    hue, lightness, saturation = colorsys.rgb_to_hls(*_rgb(color))
    while min(contrast(color, ground) for ground in grounds) < READABLE and 0 < lightness + step < 1:
        lightness += step
        color = _hex(colorsys.hls_to_rgb(hue, lightness, saturation))
    return color


def text_on(ground: str) -> str:
    """White where it is readable on `ground`, else near black."""
    return WHITE if contrast(WHITE, ground) >= READABLE else INK


def fill(color: str) -> str:
    """`color` as the ground of a button: itself, or a little darker where no text would be readable on it."""
    return color if contrast(text_on(color), color) >= READABLE else readable(color, WHITE)


def mix(color: str, ground: str, share: int) -> str:
    """`share` percent of `color` on `ground`: tints that need no transparency, which mail clients lack."""
    parts = zip(_rgb(color), _rgb(ground), strict=True)
    return _hex(tuple(one * share / 100 + other * (100 - share) / 100 for one, other in parts))  # type: ignore[arg-type]


def contrast(one: str, other: str) -> float:
    bright, dim = sorted((_luminance(_rgb(one)), _luminance(_rgb(other))), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def _rgb(color: str) -> Rgb:
    if not _COLOR.fullmatch(color):
        raise ValueError(f"{color!r} is no color; write it as #rrggbb")
    red, green, blue = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def _hex(rgb: Rgb) -> str:
    return "#" + "".join(f"{round(part * 255):02X}" for part in rgb)


def _luminance(rgb: Rgb) -> float:
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


TOOLS: dict[str, Callable[..., object]] = {
    "readable": readable,
    "text_on": text_on,
    "fill": fill,
    "mix": mix,
    "contrast": contrast,
}
"""What the design may call while a campaign is compiled."""
