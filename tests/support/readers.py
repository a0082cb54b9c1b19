"""Readers of the second-interview emails, in every branch a form can put them in."""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import date, datetime, timedelta
from functools import cache
from html import unescape
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from campaigns.compiling import compile_campaign
from campaigns.context import Appointment, Brand, Context, LinkSet, PlanEntry, Reader
from campaigns.rendering import Content, Renderer

FOLDER = files("templates") / "second_interview"
TITLES = {step["key"]: step for step in tomllib.loads((FOLDER / "sequence.toml").read_text("utf-8"))["step"]}
KEYS = list(TITLES)

FRIDAY = date(2026, 12, 4)
ADVICE = ("details", "people", "format", "salary", "questions")
BRAND = Brand(postal_address="1 Sample Street, Sampletown", site_url="https://runup.example.com")
ZONES = (
    ("Europe/Berlin", "Europe/Berlin"),
    ("America/St_Johns", "America/St_Johns"),
    ("Pacific/Kiritimati", "America/St_Johns"),
)
"""The interview's zone and the reader's: Ana at home, Sam at home, and Sam talking to Kiri's team."""
AXES: dict[str, tuple[Any, ...]] = {
    "zones": ZONES,
    "has_time": (True, False),
    "first_name": ("Ana", ""),
    "company": ("Nordwind & Söhne", ""),
    "role": ("Data analyst", ""),
    "mode": ("onsite", "video", "phone", "unknown"),
    "interviewers": ("same", "new", "unknown"),
    "format": ("one_to_one", "panel", "case", "presentation", "group", "unknown"),
    "country": ("", "DE", "US", "JP"),
    "decision_on": (None, date(2026, 12, 11)),
    "days_left": (-3, 0, 1, 5),
    "has_plan": (True, False),
    "merged": (ADVICE, ("people", "salary"), ("questions",), ()),
    "is_rush": (False, True),
}


def reader_of(**known: Any) -> Context:
    """What the emails see of one person; `known` are values of AXES, the first of each by default."""
    known = {name: values[0] for name, values in AXES.items()} | known
    zone, home = (ZoneInfo(name) for name in known["zones"])
    starts_at = datetime(2026, 12, 4, 9, 30, tzinfo=zone) if known["has_time"] else None
    home_starts_at = starts_at.astimezone(home) if starts_at else None
    interview = Appointment(
        day=FRIDAY,
        start_time=starts_at.time() if starts_at else None,
        zone=zone.key,
        starts_at=starts_at,
        home_starts_at=home_starts_at,
        has_two_zones=bool(starts_at and zone.key != home.key),
        is_past=known["days_left"] < 0,
        **{name: known[name] for name in AXES if name in {field.name for field in fields(Appointment)}},
    )
    return Context(
        subscriber=Reader(first_name=known["first_name"], home_zone=home.key),
        interview=interview,
        links=LinkSet(
            **{field.name: f"https://runup.example.com/{field.name}/x" for field in fields(LinkSet)}
        ),
        brand=BRAND,
        plan=_plan(home, is_past=interview.is_past) if known["has_plan"] else (),
        merged=known["merged"],
        is_rush=known["is_rush"],
    )


def readers(step: str, count: int) -> Iterator[Context]:
    """Each value of each axis at least once, and `count` combinations, the same in every run."""
    for name, values in AXES.items():
        yield from (reader_of(**{name: value}) for value in values)
    chance = random.Random(step)
    for _ in range(count):
        yield reader_of(**{name: chance.choice(values) for name, values in AXES.items()})


@cache
def renderer() -> Renderer:
    """The shipped words, compiled once for all tests of a run."""
    return Renderer(compile_campaign(FOLDER, brand=BRAND))


def read(key: str, reader: Context | None = None, **known: Any) -> Content:
    return renderer().render(key, reader or reader_of(**known))


@cache
def branches(key: str, locale: str = "en") -> tuple[tuple[Context, Content], ...]:
    """Many readers and what each of them gets; rendered once, and equal emails kept once."""
    emails: dict[Content, Content] = {}
    people = (replace(reader, locale=locale) for reader in readers(key, count=250))
    rendered = ((reader, read(key, reader)) for reader in people)
    return tuple((reader, emails.setdefault(email, email)) for reader, email in rendered)


@cache
def both(content: Content) -> tuple[str, str]:
    """The text part, and what a reader sees of the HTML part."""
    return content.text, seen_in(content.html)


def seen_in(html: str) -> str:
    """One paragraph or list item a line."""
    shown = re.sub(r"<!--.*?-->|<style.*?</style>|<head>.*?</head>", "", html, flags=re.S)
    lines = re.sub(r"</?(?:p|li|h\d|div|td|tr|br|ul|ol)\b[^>]*>", "\n", re.sub(r"\s+", " ", shown))
    return re.sub(r"\s*\n\s*", "\n", unescape(re.sub(r"<[^>]+>", "", lines)))


def _plan(home: ZoneInfo, *, is_past: bool) -> tuple[PlanEntry, ...]:
    first = datetime(2026, 12, 14 if is_past else 1, 9, 4, tzinfo=home)
    keys = ("checkin", "second_nudge") if is_past else ("salary", "questions", "day_before")
    return tuple(
        PlanEntry(
            key=key, title=TITLES[key]["title"], titles=TITLES[key]["titles"], at=first + timedelta(days=at)
        )
        for at, key in enumerate(keys)
    )
