"""Off one newsletter: the page of a link in every issue, and RFC 8058's one click."""

from __future__ import annotations

from fastapi import APIRouter
from sqlalchemy.orm import Session
from starlette.responses import Response

from runup.web.site import Site, SiteDep
from scheduler import reconcile
from subscribers import Purpose, Subscriber, Subscription, leave_list
from subscribers.merged import place_behind

router = APIRouter(prefix="/leave")


@router.api_route("/{token}", methods=["GET", "HEAD"])
def show(token: str, site: SiteDep) -> Response:
    """A page with a button; opening it ends nothing."""
    identity = site.application.links.read(Purpose.LEAVE, token)
    with site.application.database.read() as session:
        place = place_behind(session, identity)
        return site.page(
            "leave.html", token=token, letter=_name(site, place), all_path=_all_path(site, place)
        )


@router.post("/{token}")
def post(token: str, site: SiteDep) -> Response:
    """Whatever is in it: this newsletter ends, and the answer is 200, however often. Nothing else ends.

    As for everything at once, a mail program sends this without cookie or form token.
    """
    app, now = site.application, site.now
    identity = app.links.read(Purpose.LEAVE, token)

    def act(session: Session) -> None:
        place = place_behind(session, identity)
        subscriber = session.get(Subscriber, place.subscriber_id) if place is not None else None
        if place is not None and subscriber is not None:
            leave_list(session, subscriber, place.list_key, now=now)
            reconcile(session, subscriber.id, catalog=app.catalog, now=now)

    app.database.insist(act)
    return site.page("left.html")


def _name(site: Site, place: Subscription | None) -> str:
    """The newsletter's name; empty for one that is no more, or of nobody."""
    names = {each.key: each.name for each in site.lists}
    return names.get(place.list_key, "") if place else ""


def _all_path(site: Site, place: Subscription | None) -> str:
    if place is None:
        return ""
    return f"/unsubscribe/{site.application.links.sign(Purpose.UNSUBSCRIBE, place.subscriber_id)}"
