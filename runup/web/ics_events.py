"""The appointments of an iCalendar file from anybody, as flat properties.

The library's line parser reads it, not its component builder: that one makes zones from the file's own rules
and remembers them for the whole process, which no stranger's file should be able to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from icalendar.parser import Contentline, Contentlines

from subscribers.wording import Said

MOST_BYTES = 200_000
_DEEPEST = 8
_MOST_EVENTS = 25
_LONGEST_LINE = 50_000


class InvalidInvitation(ValueError):
    """The file is none we can read an appointment from; the message is for the person who chose it."""


@dataclass(frozen=True)
class Property:
    value: str
    params: dict[str, str] = field(default_factory=dict)


Event = dict[str, Property]
"""The first of each property, by its name in capitals."""


@dataclass(frozen=True)
class CalendarFile:
    events: tuple[Event, ...]
    places_of_zones: dict[str, str]
    """What the file's own zones say of themselves: TZID -> X-LIC-LOCATION."""
    is_cancellation: bool


def read_calendar(content: bytes) -> CalendarFile:
    """Raises InvalidInvitation."""
    if len(content) > MOST_BYTES:
        raise InvalidInvitation(Said("this file is larger than 200 kB; please choose the invitation itself"))
    if not content:
        raise InvalidInvitation(Said("please choose the invitation you received, a file that ends in .ics"))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInvitation(Said("this is not a calendar file (.ics) in UTF-8")) from None
    if not text.lstrip()[:15].upper() == "BEGIN:VCALENDAR" or "\0" in text:
        raise InvalidInvitation(Said("this is not a calendar file (.ics)"))
    try:
        return _collect(list(_lines(text)))
    except InvalidInvitation:
        raise
    except (ValueError, LookupError):
        raise InvalidInvitation(
            Said("this calendar file is damaged; please enter the day yourself")
        ) from None


@dataclass(frozen=True)
class _Line:
    inside: tuple[str, ...]
    """The components around it, from the outside."""
    number: int
    """Of the component it stands in."""
    name: str
    line: Contentline


def _lines(text: str) -> Iterator[_Line]:
    """Every property with where it stands. Components must close in order, and not nest without end."""
    inside: list[tuple[str, int]] = []
    begun = 0
    for line in Contentlines.from_ical(text):  # type: ignore[no-untyped-call]  # the library's
        name = line.partition(":")[0].partition(";")[0].strip().upper()
        value = line.partition(":")[2].strip().upper()
        if name == "BEGIN":
            begun += 1
            inside.append((value, begun))
            if len(inside) > _DEEPEST:
                raise ValueError("nested too deep")
        elif name == "END":
            if not inside or inside.pop()[0] != value:
                raise ValueError("closed out of order")
        elif line and inside:
            if len(line) > _LONGEST_LINE:
                raise ValueError("too long a line")
            yield _Line(tuple(part for part, _ in inside), inside[-1][1], name, line)
    if inside:
        raise ValueError("cut off")


def _collect(lines: list[_Line]) -> CalendarFile:
    events: dict[int, Event] = {}
    zones: dict[int, dict[str, str]] = {}
    is_cancellation = False
    for found in lines:
        if found.inside == ("VCALENDAR", "VEVENT"):
            event = events.setdefault(found.number, {})
            if found.name in _WANTED and found.name not in event:
                event[found.name] = _property(found.line)
        elif found.inside == ("VCALENDAR", "VTIMEZONE") and found.name in ("TZID", "X-LIC-LOCATION"):
            zones.setdefault(found.number, {})[found.name] = _property(found.line).value
        elif found.inside == ("VCALENDAR",) and found.name == "METHOD":
            is_cancellation |= _property(found.line).value.strip().upper() == "CANCEL"
    if len(events) > _MOST_EVENTS:
        raise InvalidInvitation(
            Said("this is a whole calendar; please choose the invitation to the interview alone")
        )
    named = {zone.get("TZID", ""): zone.get("X-LIC-LOCATION", "") for zone in zones.values()}
    return CalendarFile(tuple(events.values()), named, is_cancellation)


_WANTED = frozenset(
    {
        "DTSTART",
        "LOCATION",
        "DESCRIPTION",
        "URL",
        "CONFERENCE",
        "STATUS",
        "RRULE",
        "RDATE",
        "X-GOOGLE-CONFERENCE",
        "X-MICROSOFT-SKYPETEAMSMEETINGURL",
        "X-MICROSOFT-ONLINEMEETINGEXTERNALLINK",
    }
)


def _property(line: Contentline) -> Property:
    _name, params, value = line.parts()
    return Property(value, {key.upper(): str(given) for key, given in params.items()})
