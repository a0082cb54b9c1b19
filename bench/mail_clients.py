# ruff: noqa: E501 - tables, and a license whose words are not ours to cut
"""Makes campaigns/mail_clients.toml from the data of caniemail.com.

`python bench/mail_clients.py caniemail/data/caniemail.json`, from the npm package `caniemail`.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "campaigns" / "mail_clients.toml"
CLIENTS = {
    "apple-mail": "Apple Mail", "gmail": "Gmail", "outlook": "Outlook", "yahoo": "Yahoo", "samsung-email": "Samsung Email",
    "thunderbird": "Thunderbird", "protonmail": "Proton Mail", "gmx": "GMX", "web-de": "WEB.DE", "t-online-de": "T-Online",
    "fastmail": "Fastmail", "laposte": "La Poste", "orange": "Orange",
}  # fmt: skip
GONE = {("outlook", "windows-mail")}
PLATFORMS = {
    "desktop-webmail": "web", "mobile-webmail": "mobile web", "outlook-com": "outlook.com", "ios": "iOS", "android": "Android",
    "macos": "macOS", "windows": "Windows", "windows-mail": "Windows Mail", "desktop-app": "desktop",
}  # fmt: skip
# What to look for where the title does not say it: the part of a style and the words in it.
SEEN = {
    "css-display-flex": ("value", "display: flex"), "css-display-grid": ("value", "display: grid"),
    "css-display-none": ("value", "display: none"), "css-linear-gradient": ("value", "linear-gradient("),
    "css-radial-gradient": ("value", "radial-gradient("), "css-conic-gradient": ("value", "conic-gradient("),
    "css-rgba": ("value", "rgba("), "css-unit-calc": ("value", "calc("), "css-function-clamp": ("value", "clamp("),
    "css-function-max": ("value", "max("), "css-function-min": ("value", "min("), "css-variables": ("value", "var("),
    "css-function-light-dark": ("value", "light-dark("), "css-sytem-ui": ("value", "system-ui"),
    "css-at-media": ("at", "@media"), "css-at-font-face": ("at", "@font-face"), "css-at-import": ("at", "@import"),
    "css-at-keyframes": ("at", "@keyframes"), "css-at-supports": ("at", "@supports"),
    "css-at-media-prefers-color-scheme": ("at", "prefers-color-scheme"), "css-at-media-hover": ("at", "hover:"),
    "css-at-media-orientation": ("at", "orientation:"),
    "css-at-media-prefers-reduced-motion": ("at", "prefers-reduced-motion"),
    "css-selector-child": ("selector", ">"), "css-selector-attribute": ("selector", "["),
    "css-selector-adjacent-sibling": ("selector", "+"), "css-selector-general-sibling": ("selector", "~"),
    "css-selector-universal": ("selector", "*"),
}  # fmt: skip
HEADER = """\
# Which mail clients do not support which feature of CSS. Made by bench/mail_clients.py; do not edit.
#
# Source: https://www.caniemail.com, its data of {date}, npm package caniemail {version}.
# "no" is what the newest tested version of a client answers; partial support does not count as no.
#
# MIT License. Copyright (c) 2019 HTeuMeuLeu
#
# Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
# files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy,
# modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software
# is furnished to do so, subject to the following conditions: The above copyright notice and this permission notice shall be
# included in all copies or substantial portions of the Software. THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND,
# EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
# NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER
# IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER
# DEALINGS IN THE SOFTWARE.

reviewed_on = {date}
"""


def main(file: Path) -> None:
    data = json.loads(file.read_text("utf-8"))
    version = json.loads((file.parents[1] / "package.json").read_text("utf-8"))["version"]
    out = [HEADER.format(date=data["last_update_date"][:10], version=version)]
    for feature in sorted(data["data"], key=lambda one: one["slug"]):
        seen = _seen(feature)
        missing = _missing(feature["stats"])
        if seen and missing:
            out.append(f'[{feature["slug"]}]\n{seen[0]} = "{seen[1]}"\nno = {json.dumps(missing)}\n')
    TARGET.write_text("\n".join(out), "utf-8")


def _seen(feature: dict[str, Any]) -> tuple[str, str] | None:
    slug = feature["slug"]
    if slug in SEEN:
        return SEEN[slug]
    if found := re.fullmatch(r"css-pseudo-(class|element)-(.+)", slug):
        return "selector", (":" if found[1] == "class" else "::") + found[2]
    is_other = slug.startswith(("css-unit", "css-selector", "css-function", "css-at"))
    if slug.startswith("css-") and not is_other and feature["title"] == slug.removeprefix("css-"):
        return "property", feature["title"]
    return None


def _missing(stats: dict[str, dict[str, dict[str, str]]]) -> list[str]:
    """`Outlook (Windows)`, or `GMX` alone where no platform of it can."""
    missing = []
    for family, name in CLIENTS.items():
        tested = {
            platform: list(versions.values())[-1][:1]
            for platform, versions in stats.get(family, {}).items()
            if versions and (family, platform) not in GONE
        }
        cannot = [PLATFORMS[platform] for platform, answer in tested.items() if answer == "n"]
        if cannot:
            missing.append(name if len(cannot) == len(tested) else f"{name} ({', '.join(cannot)})")
    return missing


if __name__ == "__main__":
    main(Path(sys.argv[1]))
