"""Wall clocks and calendars: the one place where a local time becomes a moment and back."""

from __future__ import annotations

import os
import zoneinfo
from datetime import UTC, date, datetime, time
from functools import cache

import whenever

from subscribers.wording import Said

# PyPI's tzdata must win over the system's, which may be years old (Debian's 2025b is wrong for Vancouver,
# Havana, Casablanca and a dozen more): both libraries are told to search nowhere else.
os.environ["PYTHONTZPATH"] = ""
zoneinfo.reset_tzpath(to=())
whenever.reset_tzpath(())


class UnknownZone(ValueError):
    """Not the name of a zone of people."""


class MissingDate(ValueError):
    """A calendar day that a zone skipped, such as 2011-12-30 in Apia."""


@cache
def zone_names() -> frozenset[str]:
    """The IANA names we accept: places. `Etc/GMT+5`, `EST5EDT` or `localtime` name no place of a person."""
    return frozenset(
        name
        for name in zoneinfo.available_timezones()
        if name == "UTC" or ("/" in name and not name.startswith(("Etc/", "SystemV/", "posix/", "right/")))
    )


def parse_zone(name: str) -> str:
    """`name` if it is a known zone, else UnknownZone with a message for the field."""
    if name not in zone_names():
        raise UnknownZone(
            Said("%(name)r is not a time zone we know; choose one such as Europe/Berlin", name=name[:60])
        )
    return name


def resolve(day: date, wall: time, zone: str) -> datetime:
    """The moment, in UTC, when clocks in `zone` show `wall` on `day`.

    RFC 5545's rule: a wall time that does not exist is taken with the offset before the gap (so it comes
    out later), one that happens twice is the first. Raises UnknownZone.
    """
    _zone(zone)  # says so where the data knows it no more
    local = whenever.ZonedDateTime(
        day.year,
        day.month,
        day.day,
        wall.hour,
        wall.minute,
        wall.second,
        tz=zone,
        disambiguation="compatible",
    )
    return local.to_instant().to_stdlib().astimezone(UTC)


def local(moment: datetime, zone: str) -> datetime:
    """`moment` on the clock of `zone`: aware, with the same instant."""
    return moment.astimezone(_zone(zone))


def local_day(moment: datetime, zone: str) -> date:
    """The calendar day it is in `zone` at `moment`."""
    return local(moment, zone).date()


def require_day(day: date, zone: str) -> date:
    """`day`, or MissingDate when clocks in `zone` never showed it.

    A day exists when some hour of it does: looking at noon alone would miss nothing, for every skipped
    day in history was skipped whole; looking at midnight would refuse ordinary days (Cairo, Havana).
    """
    if local_day(resolve(day, time(12), zone), zone) != day:
        raise MissingDate(
            Said("%(day)s does not exist in %(zone)s: the calendar skipped it there", day=day, zone=zone)
        )
    return day


def tzdata_version() -> str:
    """The release of the time zone data in use, such as `2026f`; stamped on every planned moment."""
    import tzdata

    return str(tzdata.IANA_VERSION)


@cache
def _zone(name: str) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except zoneinfo.ZoneInfoNotFoundError:
        raise UnknownZone(f"{name!r} is no time zone in the data's release {tzdata_version()}") from None
