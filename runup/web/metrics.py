"""`/metrics` on the site itself, for whoever has the token. Without one there is nothing at that address."""

from __future__ import annotations

from hmac import compare_digest
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from prometheus_client.exposition import choose_encoder
from starlette.responses import Response

if TYPE_CHECKING:
    from runup.application import Application

_NEVER_KEPT = {"Cache-Control": "no-store"}


def router(application: Application) -> APIRouter:
    """The page, where the settings have a token."""
    found = APIRouter()
    token = application.settings.metrics_token.get_secret_value()
    if token:
        from runup.metrics import registry_of

        registry = registry_of(application)

        def metrics(request: Request) -> Response:
            scheme, _, given = request.headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not compare_digest(given.strip().encode(), token.encode()):
                return Response(status_code=401, headers=_NEVER_KEPT | {"WWW-Authenticate": "Bearer"})
            encode, content_type = choose_encoder(request.headers.get("accept", ""))
            return Response(encode(registry), media_type=content_type, headers=_NEVER_KEPT)

        found.add_api_route("/metrics", metrics, methods=["GET"], response_class=Response)
    return found
