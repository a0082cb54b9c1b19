"""Photographs every email as a phone and a desk show it, light and dark. For eyes, not for assertions.

    python tests/support/photograph.py [key …] [--everything] [--german]

writes `.artifacts/emails/<key>-<branch>-<size>-<look>.png`; in German, into `.artifacts/emails/de`.
Chromium comes from the system (RUNUP_CHROMIUM).
`--everything` takes every size and look of every branch; without it the usual reader's email is taken in all
four, and the other branches on a phone, light.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright
from readers import ADVICE, KEYS, ZONES, read, reader_of

OUT = Path(__file__).parents[2] / ".artifacts" / "emails"
CHROMIUM = os.environ.get("RUNUP_CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]
SIZES = {"phone": (390, 844), "desk": (1280, 900)}
LOOKS = [(size, scheme) for size in SIZES for scheme in ("light", "dark")]
DECISION = date(2026, 12, 11)
BRANCHES: dict[str, dict[str, dict[str, Any]]] = {
    "welcome": {
        "past": {"days_left": -3},
        "bare": {"has_time": False, "company": "", "role": "", "first_name": ""},
    },
    "catchup": {
        "two": {"merged": ("people", "salary"), "days_left": 1, "zones": ZONES[2]},
        "none": {"merged": (), "days_left": 1},
        "rush": {"is_rush": True, "mode": "video", "days_left": 0},
    },
    "details": {"known": {"format": "panel", "mode": "video", "interviewers": "new", "company": ""}},
    "people": {"new": {"interviewers": "new"}, "unknown": {"interviewers": "unknown"}},
    "format": {"unknown": {"format": "unknown"}, "case": {"format": "case"}},
    "salary": {"germany": {"country": "DE"}},
    "questions": {"new": {"interviewers": "new"}},
    "day_before": {
        "video": {"mode": "video", "days_left": 1, "zones": ZONES[2]},
        "phone": {"mode": "phone", "days_left": 1, "has_time": False},
        "unknown": {"mode": "unknown", "days_left": 5},
    },
    "morning": {"today": {"days_left": 0, "zones": ZONES[2]}},
    "thanks": {"decision": {"decision_on": DECISION}, "today": {"days_left": 0, "first_name": ""}},
    "checkin": {"decision": {"decision_on": DECISION, "role": ""}},
    "moved": {"past": {"days_left": -3}, "zones": {"zones": ZONES[2], "days_left": 5}},
}
USUAL: dict[str, dict[str, Any]] = {
    "day_before": {"days_left": 1},
    "welcome": {"days_left": 5},
    "moved": {"days_left": 5},
    "catchup": {"merged": ADVICE, "days_left": 5},
}


def pictures(keys: list[str], *, everything: bool, locale: str) -> Iterator[tuple[str, str, str, str]]:
    """Name, HTML, size and look of each picture to take."""
    for key in keys:
        usual = USUAL.get(
            key, {"days_left": -1} if KEYS.index(key) > KEYS.index("morning") else {"days_left": 5}
        )
        for branch, known in {"usual": {}, **BRANCHES.get(key, {})}.items():
            html = read(key, replace(reader_of(**usual | known), locale=locale)).html
            for size, scheme in LOOKS if everything or branch == "usual" else LOOKS[:1]:
                yield f"{key}-{branch}", html, size, scheme


def take(browser: Browser, folder: Path, name: str, html: str, size: str, scheme: str) -> None:
    width, height = SIZES[size]
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
    page.set_content(html)
    page.screenshot(path=folder / f"{name}-{size}-{scheme}.png", full_page=True)
    page.close()


def main(arguments: list[str]) -> None:
    keys = [argument for argument in arguments if not argument.startswith("--")] or KEYS
    locale = "de" if "--german" in arguments else "en"
    folder = OUT / "de" if locale == "de" else OUT
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for picture in pictures(keys, everything="--everything" in arguments, locale=locale):
            take(browser, folder, *picture)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
