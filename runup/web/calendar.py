from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from fastapi import APIRouter
from icalendar import Calendar, Event
from starlette.responses import Response

from runup.web.plan_view import plan_view
from runup.web.site import Site, SiteDep
from scheduler import Line, outlook
from subscribers import Interview, InvalidLink, Purpose

router = APIRouter()


@router.api_route("/calendar/{name}", methods=["GET", "HEAD"])
def calendar(name: str, site: SiteDep) -> Response:
    """The interview and its coming emails as one iCalendar file; `name` is the token, with or without `.ics`.

    Its events keep their UID for good; SEQUENCE grows when the interview moves, and a canceled one is
    CANCELLED, so that a calendar program which has seen it before corrects itself.
    """
    app = site.application
    with app.database.read() as session:
        interview = session.get(Interview, app.links.read(Purpose.CALENDAR, name.removesuffix(".ics")))
        if interview is None or interview.confirmed_at is None:
            raise InvalidLink
        lines = outlook(session, interview.subscriber_id, catalog=app.catalog)
        coming = plan_view(line for line in lines if line.interview_id == interview.id).coming
        content = _file(site, interview, coming)
    return Response(
        content,
        media_type="text/calendar",
        headers={"Content-Disposition": 'attachment; filename="interview.ics"'},
    )


def _file(site: Site, interview: Interview, coming: tuple[Line, ...]) -> bytes:
    brand = site.application.brand
    host = urlsplit(brand.site_url).hostname
    file = Calendar.new(
        name=f"{brand.name}: your interview",
        prodid=f"-//{brand.name}//runup//EN",
        method="PUBLISH",
        uid=f"plan-{interview.id}@{host}",
    )
    file.add_component(_interview(interview, f"interview-{interview.id}@{host}", now=site.now))
    for line in coming:
        file.add_component(_email(line, interview, f"email-{line.step}-{interview.id}@{host}", now=site.now))
    return bytes(file.to_ical())


def _interview(interview: Interview, uid: str, *, now: datetime) -> Event:
    # No company in it: calendars are shared, some with the present employer.
    event = _event("Interview", uid, interview, now=now)
    if interview.start_time is None:
        event.DTSTART = interview.held_on
    else:
        event.DTSTART = _to_the_minute(interview.starts_at)
        event.DTEND = _to_the_minute(interview.ends_at)
    event.add("status", "CANCELLED" if interview.canceled_at else "CONFIRMED")
    return event


def _email(line: Line, interview: Interview, uid: str, *, now: datetime) -> Event:
    assert line.at is not None, "what is coming has a moment"
    event = _event(f"Email: {line.title}", uid, interview, now=now)
    event.DTSTART = _to_the_minute(line.at)
    event.DTEND = event.DTSTART + timedelta(minutes=5)
    # Reading an email keeps nobody busy.
    event.add("transp", "TRANSPARENT")
    return event


def _event(summary: str, uid: str, interview: Interview, *, now: datetime) -> Event:
    event = Event()
    event.add("summary", summary)
    event.add("uid", uid)
    event.add("dtstamp", now)
    event.add("sequence", interview.revision)
    return event


def _to_the_minute(moment: datetime) -> datetime:
    # In UTC: every program shows it on its owner's clock, and no table of clock changes can be wrong.
    return moment.astimezone(UTC).replace(second=0, microsecond=0)
