"""Colors made from the operator's one brand color, readable on light and dark whatever it is."""

from __future__ import annotations

import colorsys

# The grounds of site.css: the darkest light one and the lightest dark one.
_LIGHT = "#f6f5f1"
_DARK = "#1d202c"
READABLE = 4.5
"""WCAG 2.2 AA for text."""

Rgb = tuple[float, float, float]


def stylesheet(brand: str) -> str:
    """The custom properties `/static/brand.css` sets, for both color schemes."""
    light, dark = readable_on(brand, _LIGHT), readable_on(brand, _DARK)
    return (
        f":root{{--brand:{light};--on-brand:{text_on(light)}}}\n"
        f"@media (prefers-color-scheme:dark){{:root{{--brand:{dark};--on-brand:{text_on(dark)}}}}}\n"
    )


def readable_on(color: str, ground: str) -> str:
    """`color`, made darker or lighter (hue kept) until text in it is readable on `ground`."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*_rgb(color))
    step = -0.01 if _luminance(_rgb(ground)) > 0.2 else 0.01
    while contrast(color, ground) < READABLE:
        lightness = min(1.0, max(0.0, lightness + step))
        color = _hex(colorsys.hls_to_rgb(hue, lightness, saturation))
    return color


def text_on(ground: str) -> str:
    """White or near black, whichever is easier to read on `ground`."""
    return max(("#ffffff", _DARK), key=lambda text: contrast(text, ground))


def contrast(one: str, other: str) -> float:
    """WCAG's contrast ratio, 1 to 21."""
    bright, dim = sorted((_luminance(_rgb(one)), _luminance(_rgb(other))), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def _rgb(color: str) -> Rgb:
    red, green, blue = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def _hex(rgb: Rgb) -> str:
    return "#" + "".join(f"{round(part * 255):02x}" for part in rgb)


def _luminance(rgb: Rgb) -> float:
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
