"""Links and pictures of emails that count: where they lead stands in our tables, never in the address."""

from __future__ import annotations

import base64
from collections.abc import Callable

import structlog
from fastapi import APIRouter, Request
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from runup.settings import Settings
from runup.web.site import Site, SiteDep
from scheduler.marking import parts_of
from scheduler.reading import Visit, find_target, note_click, note_open
from subscribers import InvalidLink, Purpose

router = APIRouter()
log = structlog.get_logger(__name__)

_PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_MOST = 2**63
"""Beyond that no send has a number."""
_NEVER_KEPT = {
    "Cache-Control": "no-store, private",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
}


def what_is_counted(settings: Settings) -> str:
    """For the words of the sign-up pages: `clicks`, `opens`, `both`, or nothing."""
    if settings.count_clicks and settings.count_opens:
        return "both"
    return "clicks" if settings.count_clicks else "opens" if settings.count_opens else ""


@router.api_route("/c/{token}", methods=["GET", "HEAD"])
def click(request: Request, token: str, site: SiteDep) -> Response:
    """To where the link of the email led when it was written. What else the address says is not read. It
    works for as long as the target is kept, and counts while clicks are counted. HEAD, which no person
    sends, counts nothing."""
    app = site.application
    send_id, digest = parts_of(app.links.read(Purpose.CLICK, token))
    with app.database.read() as session:
        target = find_target(session, digest)
    if target is None:
        raise InvalidLink
    if app.settings.count_clicks and request.method == "GET" and send_id < _MOST:
        _try(site, lambda s: note_click(s, send_id, target, _visit(request), now=site.now))
    return RedirectResponse(target.url, status_code=302, headers=_NEVER_KEPT)


@router.api_route("/o/{name}", methods=["GET", "HEAD"])
def picture(request: Request, name: str, site: SiteDep) -> Response:
    """One transparent dot. Mail programs show it on pages of their own, so these may have it."""
    app = site.application
    token, dot, kind = name.rpartition(".")
    send_id = app.links.read(Purpose.OPEN, token if (dot, kind) == (".", "gif") else "")
    if app.settings.count_opens and request.method == "GET":
        _try(site, lambda s: note_open(s, send_id, _visit(request), now=site.now))
    headers = _NEVER_KEPT | {"Cross-Origin-Resource-Policy": "cross-origin"}
    return Response(_PIXEL, media_type="image/gif", headers=headers)


def _visit(request: Request) -> Visit:
    said = [request.headers.get(name, "") for name in ("purpose", "sec-purpose", "x-purpose", "x-moz")]
    return Visit(
        request.headers.get("user-agent", ""), any("prefetch" in one or "preview" in one for one in said)
    )


def _try(site: Site, act: Callable[[Session], object]) -> None:
    """Somebody wants to read a page: that we cannot count just now is no reason to keep them from it."""
    try:
        with site.application.database.write() as session:
            act(session)
    except OperationalError:
        log.warning("reaction_not_counted")
