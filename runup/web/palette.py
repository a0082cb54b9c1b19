"""The operator's one brand color on our pages, readable on light and dark whatever it is."""

from __future__ import annotations

from campaigns.colors import readable, text_on

# The grounds of site.css: the darkest light one and the lightest dark one.
LIGHT = "#f6f5f1"
DARK = "#1d202c"


def stylesheet(brand: str) -> str:
    """The custom properties `/static/brand.css` sets, for both color schemes."""
    light, dark = readable(brand, LIGHT), readable(brand, DARK)
    return (
        f":root{{--brand:{light};--on-brand:{text_on(light)}}}\n"
        f"@media (prefers-color-scheme:dark){{:root{{--brand:{dark};--on-brand:{text_on(dark)}}}}}\n"
    )
