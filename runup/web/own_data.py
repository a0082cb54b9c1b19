from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date, time
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from runup.web.forms import FormFields
from runup.web.plan import find_interview
from runup.web.site import SiteDep
from scheduler import Line, outlook, reconcile
from subscribers import Purpose
from subscribers.own_data import erase, own_data

router = APIRouter()


@router.api_route("/plan/{token}/data.json", methods=["GET", "HEAD"])
def download(token: str, site: SiteDep) -> Response:
    """Everything we keep about the person, as a file: what they told us, agreed to, and were sent."""
    app = site.application
    with app.database.read() as session:
        subscriber = find_interview(session, site, token).subscriber
        data = own_data(session, subscriber)
        data["emails"] = [_email(line) for line in outlook(session, subscriber.id, catalog=app.catalog)]
    return Response(
        json.dumps(data, indent=2, ensure_ascii=False, default=_text),
        media_type="application/json",
        headers={"Content-Disposition": 'attachment; filename="my-data.json"'},
    )


@router.api_route("/plan/{token}/delete", methods=["GET", "HEAD"])
def ask(request: Request, token: str, site: SiteDep) -> Response:
    """Says what is going to be gone, and asks. Opening it deletes nothing."""
    with site.application.database.read() as session:
        interviews = len(find_interview(session, site, token).subscriber.interviews)
    return site.form_page(request, "plan_delete.html", token=token, interviews=interviews)


@router.post("/plan/{token}/delete")
def post_delete(request: Request, token: str, fields: FormFields, site: SiteDep) -> Response:
    """Erase the person and withdraw what was to come. From then on their links lead nowhere."""
    app, now = site.application, site.now
    app.links.read(Purpose.PLAN, token)
    site.check_form(request, fields)

    def act(session: Session) -> None:
        subscriber = find_interview(session, site, token).subscriber
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
