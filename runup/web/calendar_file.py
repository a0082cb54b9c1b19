"""An interview and the emails around it, as iCalendar says it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from icalendar import Calendar, Event, vDuration

from campaigns.context import Brand
from runup.web.languages import gettext
from scheduler import Line
from subscribers import Interview

ASK_AGAIN = timedelta(hours=6)
"""How often a calendar that is subscribed to should look; most choose for themselves."""


@dataclass(frozen=True)
class Entry:
    """An interview, and its emails that are still to come."""

    interview: Interview
    coming: tuple[Line, ...] = ()

    @property
    def changed_at(self) -> datetime:
        """When we were last told something of the interview."""
        each = self.interview
        told = (each.requested_at, each.confirmed_at, each.moved_at, each.canceled_at, each.outcome_at)
        return max(moment for moment in told if moment)


def calendar_file(brand: Brand, uid: str, entries: Iterable[Entry]) -> bytes:
    """The same entries give the same bytes, so that a program which has them is told so.

    Events keep their UID for good and their SEQUENCE grows with every change of facts; a canceled interview
    is CANCELLED, so that a calendar which has seen it before corrects itself.
    """
    host = urlsplit(brand.site_url).hostname
    file = Calendar.new(
        name=f"{brand.name}: {gettext('your interview')}",
        prodid=f"-//{brand.name}//runup//EN",
        method="PUBLISH",
        uid=f"{uid}@{host}",
    )
    file.add("refresh-interval", vDuration(ASK_AGAIN), parameters={"VALUE": "DURATION"})
    # The older name of it, which Outlook and others still ask for.
    file.add("x-published-ttl", vDuration(ASK_AGAIN))
    for entry in entries:
        file.add_component(_interview(entry, f"interview-{entry.interview.id}@{host}"))
        for line in entry.coming:
            file.add_component(_email(line, entry, f"email-{line.step}-{entry.interview.id}@{host}"))
    return bytes(file.to_ical())


def _interview(entry: Entry, uid: str) -> Event:
    # No company in it: calendars are shared, some with the present employer.
    event = _event(gettext("Interview"), uid, entry)
    interview = entry.interview
    if interview.start_time is None:
        event.DTSTART = interview.held_on
    else:
        event.DTSTART = _to_the_minute(interview.starts_at)
        event.DTEND = _to_the_minute(interview.ends_at)
    event.add("status", "CANCELLED" if interview.canceled_at else "CONFIRMED")
    return event


def _email(line: Line, entry: Entry, uid: str) -> Event:
    assert line.at is not None, "what is coming has a moment"
    event = _event(gettext("Email: %(title)s") % {"title": line.title}, uid, entry)
    event.DTSTART = _to_the_minute(line.at)
    event.DTEND = event.DTSTART + timedelta(minutes=5)
    # Reading an email keeps nobody busy.
    event.add("transp", "TRANSPARENT")
    return event


def _event(summary: str, uid: str, entry: Entry) -> Event:
    event = Event()
    event.add("summary", summary)
    event.add("uid", uid)
    event.add("dtstamp", entry.changed_at)
    event.add("sequence", entry.interview.subscriber.epoch)
    return event


def _to_the_minute(moment: datetime) -> datetime:
    # In UTC: every program shows it on its owner's clock, and no table of clock changes can be wrong.
    return moment.astimezone(UTC).replace(second=0, microsecond=0)
