"""The calendar invitation somebody received, as the form's fields. Nothing of it is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from icalendar.prop import vDDDTypes
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from runup.web.ics_events import CalendarFile, Event, InvalidInvitation, read_calendar
from runup.web.languages import gettext as _
from runup.web.meeting_place import mode_of
from subscribers import Mode, zone_names
from subscribers.wall_time import local
from subscribers.wording import Said

_UTC = frozenset({"UTC", "ETC/UTC", "GMT", "ETC/GMT", "Z", "TZONE://MICROSOFT/UTC"})


@dataclass(frozen=True)
class Invitation:
    """`fields` by their names in the form; `note` says what the file left open, in words for the person."""

    fields: dict[str, str]
    note: str = ""


def read_invitation(content: bytes, *, home_zone: str, now: datetime) -> Invitation:
    """The appointment in an .ics file. Of several the next one counts. Raises InvalidInvitation.

    `home_zone` is what the form says already: a moment in UTC names no place, so it is told on that clock.
    """
    file = read_calendar(content)
    if not file.events:
        raise InvalidInvitation(Said("there is no appointment in this file; please enter the day yourself"))
    # Also the far end of endless recurrences: they are not followed at all.
    if any({"RRULE", "RDATE"} & event.keys() for event in file.events):
        raise InvalidInvitation(
            Said("this appointment repeats; please enter the day of your interview yourself")
        )
    status = {event["STATUS"].value.strip().upper() for event in file.events if "STATUS" in event}
    if file.is_cancellation or status == {"CANCELLED"}:
        raise InvalidInvitation(Said("this file says that the appointment is canceled"))
    starts = [(start, event) for event in file.events if (start := _start(event)) is not None]
    if not starts:
        raise InvalidInvitation(Said("this appointment has no start; please enter the day yourself"))
    start, event = _next(starts, now=now)
    found = _when(start, event, file, home_zone=home_zone if home_zone in zone_names() else "")
    if (mode := mode_of(event)) is not Mode.UNKNOWN:
        found.fields["mode"] = mode
    several = (
        _("There are several appointments in the file; this is the next one. ") if len(starts) > 1 else ""
    )
    return Invitation(found.fields, (several + found.note).strip())


def _start(event: Event) -> date | datetime | None:
    if "DTSTART" not in event:
        return None
    try:
        start = vDDDTypes.from_ical(event["DTSTART"].value.strip())  # type: ignore[no-untyped-call]
    except (ValueError, OverflowError):
        return None
    return start if isinstance(start, date) else None


def _next(starts: list[tuple[date, Event]], *, now: datetime) -> tuple[date, Event]:
    def order(pair: tuple[date, Event]) -> tuple[bool, float]:
        start = pair[0]
        naive = start.replace(tzinfo=None) if isinstance(start, datetime) else _midnight(start)
        away = (naive - now.replace(tzinfo=None)).total_seconds()
        return away < -86_400, abs(away)

    return min(starts, key=order)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time())


def _when(start: date | datetime, event: Event, file: CalendarFile, *, home_zone: str) -> Invitation:
    if not isinstance(start, datetime):
        fields = {"interview_date": start.isoformat(), "interview_time": "", "interview_zone": ""}
        return Invitation(fields, _("The file names a day and no time."))
    if start.tzinfo is not None:
        here = local(start.astimezone(UTC), home_zone or "UTC")
        note = "" if home_zone else _("The file gives the time in UTC; please look whether it is right.")
        return Invitation(_fields(here, "" if home_zone else "UTC"), note)
    named = event["DTSTART"].params.get("TZID", "")
    zone = zone_of(named, file)
    if zone:
        return Invitation(_fields(start, "" if zone == home_zone else zone))
    if named:
        return Invitation(
            _fields(start, ""), _("We do not know the file's time zone; please look whether yours is right.")
        )
    return Invitation(
        _fields(start, ""), _("The file does not say in which time zone; please look whether yours is right.")
    )


def _fields(wall: datetime, zone: str) -> dict[str, str]:
    return {
        "interview_date": wall.date().isoformat(),
        "interview_time": f"{wall:%H:%M}",
        "interview_zone": zone,
    }


def zone_of(name: str, file: CalendarFile) -> str:
    """The IANA name of a file's zone, "" when nobody can tell: `W. Europe Standard Time` is Europe/Berlin,
    `/vendor.example.com/Europe/Berlin` too."""
    name = name.strip().strip('"')
    if name.upper() in _UTC:
        return "UTC"
    parts = name.strip("/").split("/")[:8]
    candidates = ["/".join(parts[start:]) for start in range(len(parts))]
    candidates += [WINDOWS_TO_OLSON.get(name, ""), file.places_of_zones.get(name, "")]
    return next((known for known in candidates if known in zone_names()), "")
