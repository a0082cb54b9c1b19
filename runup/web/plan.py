from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from runup.web.forms import Fields, FormFields
from runup.web.languages import language
from runup.web.plan_changes import DONE, changes, list_field, lists_for
from runup.web.plan_view import PlanView, plan_view
from runup.web.reading import InvalidFields
from runup.web.site import Site, SiteDep
from scheduler import outlook, reconcile
from subscribers import (
    Interview,
    InvalidLink,
    Purpose,
    find_suppression,
    lasting_pause,
    lists_of,
)
from subscribers.merged import interview_behind
from subscribers.wall_time import local, local_day

router = APIRouter()


@router.api_route("/plan/{token}", methods=["GET", "HEAD"])
def show(request: Request, token: str, site: SiteDep) -> Response:
    """The plan and every form to change it."""
    return _page(request, site, token)


@router.api_route("/plan/{token}/{part}", methods=["GET", "HEAD"])
def show_part(request: Request, token: str, part: str, site: SiteDep) -> Response:
    """The same page with one form open; emails link here. Opening it changes nothing."""
    if part not in changes(site.lists):
        raise HTTPException(404)
    return _page(request, site, token, part=part)


@router.post("/plan/{token}/{part}")
def change(request: Request, token: str, part: str, fields: FormFields, site: SiteDep) -> Response:
    """Change one fact, plan again, and show the new plan with what was done."""
    make = changes(site.lists).get(part)
    if make is None:
        raise HTTPException(404)
    site.application.links.read(Purpose.PLAN, token)
    site.check_form(request, fields)
    app, now = site.application, site.now
    try:
        with app.database.write() as session:
            interview = find_interview(session, site, token)
            done = make(session, interview, fields, now)
            reconcile(session, interview.subscriber_id, catalog=app.catalog, now=now)
    except InvalidFields as error:
        return _page(request, site, token, part=part, fields=fields, errors=error.errors)
    return RedirectResponse(f"/plan/{token}?done={done}", status_code=303)


def _page(
    request: Request,
    site: Site,
    token: str,
    *,
    part: str = "",
    fields: Fields | None = None,
    errors: Mapping[str, str] | None = None,
) -> Response:
    app = site.application
    with app.database.read() as session:
        interview = find_interview(session, site, token)
        subscriber = interview.subscriber
        suppression = find_suppression(session, subscriber.address_hmac or "")
        return site.form_page(
            request,
            "plan_cancel.html" if part == "cancel" and not interview.canceled_at else "plan.html",
            status=422 if errors else 200,
            token=token,
            interview=interview,
            subscriber=subscriber,
            home_start=_home_start(interview),
            is_past=site.now > interview.ends_at,
            days_left=_days_left(interview, site),
            plan=_plan(session, site, interview),
            stopped=suppression.reason if suppression else "",
            part=part,
            pause=lasting_pause(session, subscriber, now=site.now),
            is_stopped=lasting_pause(session, subscriber, now=site.now, interview=interview) is not None,
            lists=[(list_field(each.key), each) for each in lists_for(session, subscriber.id, site.lists)],
            chosen={list_field(key) for key in lists_of(session, subscriber.id)},
            values=_values(interview) | dict(fields or {}),
            errors=errors or {},
            done=DONE.get(request.query_params.get("done", ""), ""),
            others=_others(site, interview),
            calendar_path=f"/calendar/{app.links.sign(Purpose.CALENDAR, interview.id)}.ics",
            feed_url=app.links.url(Purpose.FEED, subscriber.id) + ".ics",
            unsubscribe_path=f"/unsubscribe/{app.links.sign(Purpose.UNSUBSCRIBE, subscriber.id)}",
            another_path="/?" + urlencode({"zone": subscriber.home_zone}),
        )


def find_interview(session: Session, site: Site, token: str) -> Interview:
    interview = interview_behind(session, site.application.links.read(Purpose.PLAN, token))
    # Nobody has a plan for what was never confirmed or is erased; the page is that of a forged link.
    if interview is None or interview.confirmed_at is None or interview.subscriber.erased_at:
        raise InvalidLink
    return interview


def _plan(session: Session, site: Site, interview: Interview) -> PlanView:
    lines = outlook(session, interview.subscriber_id, catalog=site.application.catalog, language=language())
    return plan_view(line for line in lines if line.interview_id == interview.id)


def _days_left(interview: Interview, site: Site) -> int:
    """By the reader's own calendar: nine in the morning in Auckland is the evening before in Berlin."""
    home_zone = interview.subscriber.home_zone
    day = local_day(interview.starts_at, home_zone) if interview.start_time else interview.held_on
    return (day - local_day(site.now, home_zone)).days


def _home_start(interview: Interview) -> object:
    """The start on the reader's own clock, where that clock shows something else than the interview's."""
    if interview.start_time is None:
        return None
    home = local(interview.starts_at, interview.subscriber.home_zone)
    there = local(interview.starts_at, interview.zone)
    return home if home.replace(tzinfo=None) != there.replace(tzinfo=None) else None


def _values(interview: Interview) -> dict[str, str]:
    """What the forms show before anybody types."""
    return {
        "interview_date": interview.held_on.isoformat(),
        "interview_time": interview.start_time.strftime("%H:%M") if interview.start_time else "",
        "interview_zone": interview.zone,
        "home_zone": interview.subscriber.home_zone,
        "mode": interview.mode,
        "interviewers": interview.interviewers,
        "format": interview.format,
        "outcome": interview.outcome or "",
        "decision_on": interview.decision_on.isoformat() if interview.decision_on else "",
        "until_on": "",
    }


def _others(site: Site, interview: Interview) -> list[tuple[Interview, str]]:
    """The person's other interviews still to come, each with the path of its page."""
    return [
        (other, f"/plan/{site.application.links.sign(Purpose.PLAN, other.id)}")
        for other in interview.subscriber.interviews
        if other.id != interview.id
        and other.confirmed_at
        and not other.canceled_at
        and other.ends_at > site.now
    ]
