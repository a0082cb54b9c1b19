from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from runup.web.pages import read_asset
from runup.web.palette import stylesheet
from runup.web.site import SiteDep

router = APIRouter()

FOR_GOOD = "public, max-age=31536000, immutable"
FOR_AN_HOUR = "public, max-age=3600"


@router.api_route("/static/brand.css", methods=["GET", "HEAD"])
def brand_css(request: Request, site: SiteDep) -> Response:
    return _asset(request, stylesheet(site.application.brand.color).encode(), "text/css; charset=utf-8")


@router.api_route("/static/icon.svg", methods=["GET", "HEAD"])
def icon(request: Request, site: SiteDep) -> Response:
    """The mark in the brand's color."""
    drawing = read_asset("icon.svg").replace(b"currentColor", site.application.brand.color.encode())
    return _asset(request, drawing, "image/svg+xml")


class Assets(StaticFiles):
    """The style sheet and the script; browsers keep them, for good under their versioned address."""

    def __init__(self) -> None:
        super().__init__(packages=[("templates", "pages/static")])

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = _kept(Request(scope))
        return response


def _asset(request: Request, content: bytes, kind: str) -> Response:
    return Response(content, media_type=kind, headers={"Cache-Control": _kept(request)})


def _kept(request: Request) -> str:
    return FOR_GOOD if "v" in request.query_params else FOR_AN_HOUR
