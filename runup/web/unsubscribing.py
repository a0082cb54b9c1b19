from __future__ import annotations

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from runup.web.forms import AnyFields
from runup.web.keeping import goodbye
from runup.web.site import SiteDep
from scheduler import reconcile
from subscribers import Purpose, unsubscribe
from subscribers.merged import person_behind

router = APIRouter()


@router.api_route("/unsubscribe/{token}", methods=["GET", "HEAD"])
def show(token: str, site: SiteDep) -> Response:
    """A page with a button; opening it stops nothing."""
    site.application.links.read(Purpose.UNSUBSCRIBE, token)
    return site.page("unsubscribe.html", token=token)


@router.post("/unsubscribe/{token}")
def post(request: Request, token: str, fields: AnyFields, site: SiteDep) -> Response:
    """The page's button and RFC 8058's one click: both end everything and answer 200, however often.

    No cookie, no Origin, no form token: a mail program sends this. The signed address is the proof, and the
    worst a stolen one can do is to stop emails. Somebody who has been erased gets the same answer.
    """
    app, now = site.application, site.now
    identity = app.links.read(Purpose.UNSUBSCRIBE, token)

    def act(session: Session) -> None:
        subscriber = person_behind(session, identity)
        if subscriber is not None:
            unsubscribe(session, subscriber, now=now, wants_goodbye=bool(fields.get("goodbye")))
            reconcile(session, subscriber.id, catalog=app.catalog, now=now)

    app.database.insist(act)
    return goodbye(request, site, identity, is_page=fields.get("page") == "yes")
