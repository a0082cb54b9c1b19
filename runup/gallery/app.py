"""The gallery in the browser of the person who started it: the pages of the export, and readers to try."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from campaigns import CampaignError, Step
from runup.gallery.export import frames
from runup.gallery.pages import GalleryPages, asset
from runup.gallery.readers import CHOICES, Trial, try_reader
from runup.gallery.wordings import Gallery, Wording, on_screen

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; frame-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
# An email brings its own styles, and the operator's logo; it can run nothing and send nothing.
FRAME_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src https: data:; frame-ancestors 'self'; sandbox"
)
_KINDS = {
    "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml", "txt": "text/plain",
    "html": "text/html", "eml": "message/rfc822",
}  # fmt: skip
_COMMON = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}


def create_gallery(gallery: Gallery, *, can_try: bool = True) -> Starlette:
    """The application, for this machine only: no other host name is answered."""
    site = _Site(gallery, can_try=can_try)
    return Starlette(
        routes=[
            Route("/", site.index),
            Route("/index.html", site.index),
            Route("/emails/{name}.html", site.email),
            Route("/frames/{name}", site.frame),
            Route("/try/{step}", site.trial),
            Route("/try/{step}/{scheme}.html", site.trial_frame),
            Route("/static/{name}", site.static),
        ],
        # A page from elsewhere must not reach it under a name of its own (DNS rebinding).
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
    )


class _Site:
    def __init__(self, gallery: Gallery, *, can_try: bool) -> None:
        self._gallery = gallery
        self._pages = GalleryPages(gallery, can_try=can_try)

    def index(self, _: Request) -> Response:
        return _page(self._pages.index())

    def email(self, request: Request) -> Response:
        return _page(self._pages.email(_found(self._gallery.wordings, request.path_params["name"])))

    def frame(self, request: Request) -> Response:
        name = request.path_params["name"]
        wording = _found(self._gallery.wordings, name.partition(".")[0])
        return _file(name, _found(dict(frames(wording)), name))

    def trial(self, request: Request) -> Response:
        step, trial, wording, error = self._try(request)
        query = urlencode(dict(trial.values))
        page = self._pages.trial(
            step=step, trial=trial, wording=wording, error=error, query=query, choices=CHOICES
        )
        return _page(page)

    def trial_frame(self, request: Request) -> Response:
        _, _, wording, _ = self._try(request)
        scheme = request.path_params["scheme"]
        if wording is None or scheme not in ("light", "dark"):
            raise HTTPException(404)
        return _file("email.html", on_screen(wording.content.html, scheme).encode())

    def static(self, request: Request) -> Response:
        name = request.path_params["name"]
        try:
            return _file(name, asset(name, self._gallery.catalog.brand))
        except KeyError:
            raise HTTPException(404) from None

    def _try(self, request: Request) -> tuple[Step, Trial, Wording | None, str]:
        gallery = self._gallery
        step = _found({one.key: one for one in gallery.sequence.steps}, request.path_params["step"])
        trial = try_reader(
            request.query_params,
            step,
            gallery.sequence,
            brand=gallery.catalog.brand,
            today=gallery.now.date(),
        )
        try:
            variant = next((one for one in step.variants if one.key == trial.values["variant"]), None)
            variant = variant or next(iter(step.variants), None)
            return step, trial, gallery.wording(step, trial.context, variant=variant), ""
        except CampaignError as error:
            return step, trial, None, str(error)


def _found(known: Mapping[str, Any], name: str) -> Any:
    if name not in known:
        raise HTTPException(404)
    return known[name]


def _page(html: str) -> Response:
    return HTMLResponse(html, headers=_COMMON | {"Content-Security-Policy": PAGE_POLICY})


def _file(name: str, content: bytes) -> Response:
    kind = name.rpartition(".")[2]
    policy = FRAME_POLICY if kind == "html" else PAGE_POLICY
    return Response(content, media_type=_KINDS[kind], headers=_COMMON | {"Content-Security-Policy": policy})
