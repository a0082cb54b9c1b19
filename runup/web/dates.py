"""Days, times and zones as the reader's country writes them; the weekday in full, never a distance alone."""

from __future__ import annotations

from datetime import date, datetime, time

from babel.dates import format_date, format_time

from runup.web.languages import gettext as _
from runup.web.languages import language, locale, ngettext

_WITHOUT_YEAR = {"en": "EEEE d MMMM", "en_US": "EEEE, MMMM d", "de": "EEEE, d. MMMM"}
"""CLDR has none with the weekday written out."""


def day(value: date) -> str:
    """`Friday 4 December 2026`, `Friday, December 4, 2026`, `Freitag, 4. Dezember 2026`."""
    return format_date(value, "full", locale=locale())


def weekday(value: date) -> str:
    """`Friday`."""
    return format_date(value, "EEEE", locale=locale())


def short_day(value: date) -> str:
    """`4 December 2026`."""
    return format_date(value, "long", locale=locale())


def clock(value: time) -> str:
    """`14:00`, `2:00 PM`."""
    return format_time(value, "short", locale=locale())


def moment(here: datetime) -> str:
    """`Friday 4 December, 09:03`, by the clock `here` is on."""
    pattern = _WITHOUT_YEAR.get(locale()) or _WITHOUT_YEAR[language()]
    return f"{format_date(here.date(), pattern, locale=locale())}, {clock(here.time())}"


def place(zone: str) -> str:
    """`Berlin time`; what people call a zone."""
    if zone == "UTC":
        return zone
    return _("%(city)s time") % {"city": zone.rpartition("/")[2].replace("_", " ")}


def distance(days: int) -> str:
    """`today`, `tomorrow`, `in 9 days`, `3 days ago`."""
    near = {-1: _("yesterday"), 0: _("today"), 1: _("tomorrow")}
    if days in near:
        return near[days]
    words = ngettext("in %(days)s day", "in %(days)s days", days) if days > 0 else ""
    return (words or ngettext("%(days)s day ago", "%(days)s days ago", -days)) % {"days": abs(days)}
