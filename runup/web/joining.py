"""The yes to newsletters that were asked for with somebody's address."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from runup.web.forms import FormFields
from runup.web.site import Site, SiteDep
from scheduler import reconcile
from subscribers import (
    ConfirmationExpired,
    InvalidLink,
    NewsletterList,
    Purpose,
    Subscriber,
    Subscription,
    asked_together,
    confirm_lists,
    is_expired,
)
from subscribers.merged import place_behind

router = APIRouter(prefix="/join")


@router.api_route("/{token}", methods=["GET", "HEAD"])
def show(request: Request, token: str, site: SiteDep) -> Response:
    """A page with a button. Opening it confirms nothing: mail scanners open every link."""
    with site.application.database.read() as session:
        place = _find(session, site, token)
        together = asked_together(session, place)
        if place.is_held:
            return _joined(site, place, [each for each in together if each.is_held])
        lists = _lists(site, together)
        if is_expired(place, now=site.now) or not lists:
            return _expired(site)
        return site.form_page(request, "join.html", token=token, lists=lists)


@router.post("/{token}")
def post(request: Request, token: str, fields: FormFields, site: SiteDep) -> Response:
    """Confirm them all, and show which. Twice is once."""
    app, now = site.application, site.now
    app.links.read(Purpose.JOIN, token)
    site.check_form(request, fields)
    try:
        with app.database.write() as session:
            place = _find(session, site, token)
            confirm_lists(session, place, lists=site.lists, now=now)
            reconcile(session, place.subscriber_id, catalog=app.catalog, now=now)
    except ConfirmationExpired:
        return _expired(site)
    return RedirectResponse(f"/join/{token}", status_code=303)


def _find(session: Session, site: Site, token: str) -> Subscription:
    place = place_behind(session, site.application.links.read(Purpose.JOIN, token))
    subscriber = session.get(Subscriber, place.subscriber_id) if place else None
    if place is None or subscriber is None or subscriber.erased_at:
        # Erased or never there: the same page as for a forged link, so that a probe learns nothing.
        raise InvalidLink
    return place


def _lists(site: Site, places: Iterable[Subscription]) -> list[NewsletterList]:
    """What they are places on, as far as everybody may join it."""
    keys = {each.list_key for each in places}
    return [each for each in site.lists if each.is_public and each.key in keys]


def _joined(site: Site, place: Subscription, places: Iterable[Subscription]) -> Response:
    token = site.application.links.sign(Purpose.NEWSLETTERS, place.subscriber_id)
    return site.page("joined.html", lists=_lists(site, places), path=f"/newsletters/{token}")


def _expired(site: Site) -> Response:
    return site.page("confirm_expired.html", status=410, again="/newsletter")
