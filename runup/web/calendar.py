from __future__ import annotations

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from runup.web.calendar_file import Entry, calendar_file
from runup.web.languages import language, speaking
from runup.web.plan_view import plan_view
from runup.web.revalidating import answer
from runup.web.site import Site, SiteDep
from scheduler import outlook
from scheduler.outlook import planned_at
from subscribers import Interview, InvalidLink, Purpose
from subscribers.merged import interview_behind, person_behind

router = APIRouter()

ONLY = "only"
INTERVIEWS = "interviews"


@router.api_route("/calendar/{name}", methods=["GET", "HEAD"])
def download(name: str, site: SiteDep) -> Response:
    """One interview and its coming emails as a file; `name` is the token, with or without `.ics`."""
    app = site.application
    with app.database.read() as session:
        interview = interview_behind(session, app.links.read(Purpose.CALENDAR, name.removesuffix(".ics")))
        if interview is None or interview.confirmed_at is None:
            raise InvalidLink
        with speaking(interview.subscriber.locale):
            entries = _entries(session, site, [interview], with_emails=True)
            content = calendar_file(app.brand, f"plan-{interview.id}", entries)
    return Response(
        content,
        media_type="text/calendar",
        headers={"Content-Disposition": 'attachment; filename="interview.ics"'},
    )


@router.api_route("/feed/{name}", methods=["GET", "HEAD"])
def feed(request: Request, name: str, site: SiteDep) -> Response:
    """A calendar to subscribe to: all of a person's interviews with their coming emails, as they stand now.

    `?only=interviews` leaves the emails out. Programs ask every few hours: who has it as it is gets 304.
    """
    app = site.application
    with app.database.read() as session:
        subscriber = person_behind(session, app.links.read(Purpose.FEED, name.removesuffix(".ics")))
        if subscriber is None or subscriber.erased_at or subscriber.confirmed_at is None:
            raise InvalidLink
        with_emails = request.query_params.get(ONLY) != INTERVIEWS
        with speaking(subscriber.locale):
            entries = _entries(session, site, subscriber.interviews, with_emails=with_emails)
            content = calendar_file(app.brand, f"feed-{subscriber.id}", entries)
        changes = [entry.changed_at for entry in entries]
        changed_at = max([planned_at(session, subscriber.id) or subscriber.created_at, *changes])
    # Kept by its owner's program alone, and asked for again each time.
    headers = {"Cache-Control": "private, no-cache"}
    return answer(request, content, media_type="text/calendar", changed_at=changed_at, headers=headers)


def _entries(session: Session, site: Site, interviews: list[Interview], *, with_emails: bool) -> list[Entry]:
    """Of the interviews that count: confirmed, not forgotten, and not merged into another."""
    entries = []
    for interview in interviews:
        confirmed_at, canceled_at = interview.confirmed_at, interview.canceled_at
        if not confirmed_at or interview.forgotten_at or (canceled_at and canceled_at < confirmed_at):
            continue
        shelf = site.application.catalog
        lines = (
            outlook(session, interview.subscriber_id, catalog=shelf, language=language())
            if with_emails
            else []
        )
        own = plan_view(line for line in lines if line.interview_id == interview.id)
        entries.append(Entry(interview, own.coming))
    return entries
