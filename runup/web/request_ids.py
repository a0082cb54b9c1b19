"""A number for every request: in its answer, and in each line that is logged meanwhile."""

from __future__ import annotations

import re
import secrets
import traceback
from collections.abc import Callable, Sequence

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runup.web.senders import is_trusted

log = structlog.get_logger(__name__)

NAME = "X-Request-ID"
KEY = "runup.request"
"""Where the number stands in the request's scope."""
_SHAPE = re.compile(r"[A-Za-z0-9._-]{8,64}")


class RequestIds:
    """A trusted proxy may bring its own number, so that its log and ours speak of the same request. What is
    logged of a request is its route and never its path: paths hold people's links."""

    def __init__(self, app: ASGIApp, *, trusted: Sequence[str], stopwatch: Callable[[], float]) -> None:
        self._app, self._trusted, self._stopwatch = app, trusted, stopwatch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope[KEY] = number = self._number(scope)
        began, status = self._stopwatch(), 500

        async def send_with_number(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[NAME] = number
            await send(message)

        with structlog.contextvars.bound_contextvars(request=number):
            try:
                await self._app(scope, receive, send_with_number)
            except Exception:
                # Formatted here: whoever has not configured logs gets no local variables either.
                said = traceback.format_exc()
                log.error("request_failed", method=scope["method"], route=_route(scope), exception=said)
                raise
            took = round((self._stopwatch() - began) * 1000, 1)
            log.debug("request", method=scope["method"], route=_route(scope), status=status, ms=took)

    def _number(self, scope: Scope) -> str:
        brought = Headers(scope=scope).get(NAME, "")
        client = scope.get("client")
        if client and _SHAPE.fullmatch(brought) and is_trusted(client[0], self._trusted):
            return brought
        return secrets.token_hex(8)


def _route(scope: Scope) -> str:
    """`/plan/{token}` and never the token; "-" of what no page answers."""
    route = scope.get("route")
    return str(getattr(route, "path", "-"))
