from __future__ import annotations

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from runup.web.forms import FormFields
from runup.web.site import Site, SiteDep
from scheduler import reconcile
from subscribers import (
    CONFIRM_WITHIN,
    ConfirmationExpired,
    Interview,
    InvalidLink,
    Purpose,
    confirm,
    in_force,
)
from subscribers.merged import interview_behind

router = APIRouter()


@router.api_route("/confirm/{token}", methods=["GET", "HEAD"])
def show(request: Request, token: str, site: SiteDep) -> Response:
    """A page with a button. Opening it confirms nothing: mail scanners open every link."""
    with site.application.database.read() as session:
        interview = _find(session, site, token)
        if interview.confirmed_at:
            plan = site.application.links.sign(Purpose.PLAN, in_force(interview).id)
            return site.page("confirmed_already.html", plan_path=f"/plan/{plan}")
        if site.now > interview.requested_at + CONFIRM_WITHIN:
            return _expired(site)
        return site.form_page(
            request, "confirm.html", token=token, interview=interview, subscriber=interview.subscriber
        )


@router.post("/confirm/{token}")
def post(request: Request, token: str, fields: FormFields, site: SiteDep) -> Response:
    """Confirm, plan, and show the plan. Twice is once."""
    app, now = site.application, site.now
    app.links.read(Purpose.CONFIRM, token)
    site.check_form(request, fields)
    try:
        with app.database.write() as session:
            interview = confirm(session, _find(session, site, token), now=now)
            reconcile(session, interview.subscriber_id, catalog=app.catalog, now=now)
    except ConfirmationExpired:
        return _expired(site)
    plan = app.links.sign(Purpose.PLAN, interview.id)
    return RedirectResponse(f"/plan/{plan}?done=confirmed", status_code=303)


def _find(session: Session, site: Site, token: str) -> Interview:
    interview = interview_behind(session, site.application.links.read(Purpose.CONFIRM, token))
    if interview is None:
        # Erased or never there: the same page as for a forged link, so that a probe learns nothing.
        raise InvalidLink
    return interview


def _expired(site: Site) -> Response:
    return site.page("confirm_expired.html", status=410)
