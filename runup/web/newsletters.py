"""One person's newsletters, behind the link in every issue: choose again, stop, take the data, delete it."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from runup.web.forms import FormFields
from runup.web.own_data import ask_to_delete, delete, download_of
from runup.web.plan_changes import DONE, choose_lists, list_field, lists_for
from runup.web.reading import InvalidFields
from runup.web.site import Site, SiteDep
from scheduler import reconcile
from subscribers import InvalidLink, Purpose, Subscriber, find_suppression, lists_of
from subscribers.merged import person_behind

router = APIRouter(prefix="/newsletters")


@router.api_route("/{token}", methods=["GET", "HEAD"])
def show(request: Request, token: str, site: SiteDep) -> Response:
    return _page(request, site, token)


@router.post("/{token}")
def post(request: Request, token: str, fields: FormFields, site: SiteDep) -> Response:
    """They get what they ticked, and no other of those they could tick."""
    app, now = site.application, site.now
    app.links.read(Purpose.NEWSLETTERS, token)
    site.check_form(request, fields)
    try:
        with app.database.write() as session:
            subscriber = find_reader(session, site, token)
            done = choose_lists(session, subscriber, site.lists, fields, now=now)
            reconcile(session, subscriber.id, catalog=app.catalog, now=now)
    except InvalidFields as error:
        return _page(request, site, token, errors=error.errors)
    return RedirectResponse(f"/newsletters/{token}?done={done}", status_code=303)


@router.api_route("/{token}/data.json", methods=["GET", "HEAD"])
def download(token: str, site: SiteDep) -> Response:
    """Everything we keep about the person, as a file."""
    with site.application.database.read() as session:
        return download_of(session, site, find_reader(session, site, token))


@router.api_route("/{token}/delete", methods=["GET", "HEAD"])
def ask(request: Request, token: str, site: SiteDep) -> Response:
    """Says what is going to be gone, and asks. Opening it deletes nothing."""
    with site.application.database.read() as session:
        return ask_to_delete(request, site, find_reader(session, site, token), f"/newsletters/{token}")


@router.post("/{token}/delete")
def post_delete(request: Request, token: str, fields: FormFields, site: SiteDep) -> Response:
    site.application.links.read(Purpose.NEWSLETTERS, token)
    site.check_form(request, fields)
    return delete(site, lambda session: find_reader(session, site, token))


def find_reader(session: Session, site: Site, token: str) -> Subscriber:
    subscriber = person_behind(session, site.application.links.read(Purpose.NEWSLETTERS, token))
    # Nobody has newsletters who never confirmed anything or is erased; the page is that of a forged link.
    if subscriber is None or subscriber.confirmed_at is None or subscriber.erased_at:
        raise InvalidLink
    return subscriber


def _page(request: Request, site: Site, token: str, *, errors: Mapping[str, str] | None = None) -> Response:
    app = site.application
    with app.database.read() as session:
        subscriber = find_reader(session, site, token)
        theirs = lists_of(session, subscriber.id)
        return site.form_page(
            request,
            "newsletters.html",
            status=422 if errors else 200,
            token=token,
            lists=[
                (list_field(each.key), each, each.key in theirs)
                for each in lists_for(session, subscriber.id, site.lists)
            ],
            errors=errors or {},
            done=DONE.get(request.query_params.get("done", ""), ""),
            is_stopped=find_suppression(session, subscriber.address_hmac or "") is not None,
            unsubscribe_path=f"/unsubscribe/{app.links.sign(Purpose.UNSUBSCRIBE, subscriber.id)}",
        )
