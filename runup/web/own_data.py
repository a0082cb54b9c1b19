from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import date, time
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from runup.web.forms import FormFields
from runup.web.plan import find_interview
from runup.web.site import Site, SiteDep
from scheduler import Line, outlook, reconcile
from scheduler.readers import reactions_of
from subscribers import Purpose, Subscriber
from subscribers.own_data import erase, own_data

router = APIRouter()


@router.api_route("/plan/{token}/data.json", methods=["GET", "HEAD"])
def download(token: str, site: SiteDep) -> Response:
    """Everything we keep about the person, as a file: what they told us, agreed to, and were sent."""
    with site.application.database.read() as session:
        return download_of(session, site, find_interview(session, site, token).subscriber)


@router.api_route("/plan/{token}/delete", methods=["GET", "HEAD"])
def ask(request: Request, token: str, site: SiteDep) -> Response:
    """Says what is going to be gone, and asks. Opening it deletes nothing."""
    with site.application.database.read() as session:
        subscriber = find_interview(session, site, token).subscriber
        return ask_to_delete(request, site, subscriber, f"/plan/{token}")


@router.post("/plan/{token}/delete")
def post_delete(request: Request, token: str, fields: FormFields, site: SiteDep) -> Response:
    """Erase the person and withdraw what was to come. From then on their links lead nowhere."""
    site.application.links.read(Purpose.PLAN, token)
    site.check_form(request, fields)
    return delete(site, lambda session: find_interview(session, site, token).subscriber)


def download_of(session: Session, site: Site, subscriber: Subscriber) -> Response:
    data = own_data(session, subscriber)
    lines = outlook(session, subscriber.id, catalog=site.application.catalog)
    data["emails"] = [_email(line) for line in lines]
    data["clicks_and_opens"] = reactions_of(session, subscriber.id)
    return Response(
        json.dumps(data, indent=2, ensure_ascii=False, default=_text),
        media_type="application/json",
        headers={"Content-Disposition": 'attachment; filename="my-data.json"'},
    )


def ask_to_delete(request: Request, site: Site, subscriber: Subscriber, back: str) -> Response:
    """`back`: the path of the page they come from; the form is sent to `/delete` below it."""
    return site.form_page(request, "plan_delete.html", back=back, interviews=len(subscriber.interviews))


def delete(site: Site, find: Callable[[Session], Subscriber]) -> Response:
    """Erase whom `find` finds."""
    app, now = site.application, site.now

    def act(session: Session) -> None:
        subscriber = find(session)
        erase(session, subscriber, now=now)
        reconcile(session, subscriber.id, catalog=app.catalog, now=now)

    app.database.insist(act)
    return RedirectResponse("/deleted", status_code=303)


@router.api_route("/deleted", methods=["GET", "HEAD"])
def deleted(site: SiteDep) -> Response:
    return site.page("deleted.html")


def _email(line: Line) -> dict[str, Any]:
    told = asdict(line)
    return {name: told[name] for name in ("interview_id", "campaign", "step", "title", "kind", "at", "why")}


def _text(value: object) -> str:
    if isinstance(value, date | time):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a person's data")
