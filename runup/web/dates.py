"""Days, times and zones as people read them; always the full weekday, never "in 3 days" alone."""

from __future__ import annotations

from datetime import date, datetime, time

from babel.dates import format_date, format_time

LOCALE = "en_US"


def day(value: date) -> str:
    """`Friday, December 4, 2026`."""
    return format_date(value, "EEEE, MMMM d, y", locale=LOCALE)


def weekday(value: date) -> str:
    """`Friday`."""
    return format_date(value, "EEEE", locale=LOCALE)


def short_day(value: date) -> str:
    """`December 4, 2026`."""
    return format_date(value, "MMMM d, y", locale=LOCALE)


def clock(value: time) -> str:
    """`2:00 PM`."""
    return format_time(value, "short", locale=LOCALE)


def moment(here: datetime) -> str:
    """`Friday, December 4, 9:03 AM`, by the clock `here` is on."""
    return f"{format_date(here.date(), 'EEEE, MMMM d', locale=LOCALE)}, {clock(here.time())}"


def place(zone: str) -> str:
    """`Berlin time`; what people call a zone."""
    return "UTC" if zone == "UTC" else f"{zone.rpartition('/')[2].replace('_', ' ')} time"


def distance(days: int) -> str:
    """`today`, `tomorrow`, `in 9 days`, `3 days ago`."""
    near = {-1: "yesterday", 0: "today", 1: "tomorrow"}
    if days in near:
        return near[days]
    return f"in {days} days" if days > 0 else f"{-days} days ago"
