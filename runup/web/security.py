from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HSTS = "max-age=31536000"
TOKEN_ROOTS = (
    "/confirm/", "/plan/", "/unsubscribe/", "/calendar/", "/feed/", "/keep/", "/leave/", "/join/",
    "/newsletters/",
)  # fmt: skip
"""Paths that carry a signed token: whoever has the address has the page."""
OPS_ROOT = "/ops"
"""What only operators see: it rests in no cache, and its address tells no other site anything."""

USUAL_CACHE = "private, no-cache"
FEED_ROOT = "/feed/"
"""Programs fetch it again and again and say what they have: they may keep it, and nobody between us."""


def headers_for(path: str, *, is_https: bool) -> dict[str, str]:
    """The headers every answer at `path` carries, errors included."""
    headers = {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        "Referrer-Policy": "same-origin",
    }
    if is_https:
        headers["Strict-Transport-Security"] = HSTS
    if path.startswith((*TOKEN_ROOTS, OPS_ROOT)):
        # The address is the key: it may not travel as a referrer, rest in a cache or enter an index.
        headers |= {
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
            "X-Robots-Tag": "noindex, nofollow",
        }
    if path.startswith(FEED_ROOT):
        headers["Cache-Control"] = USUAL_CACHE
    return headers


class SecurityHeaders:
    """Puts `headers_for` on every answer. Where a page has set one of them itself, the page wins, except
    on token pages, which nothing may loosen."""

    def __init__(self, app: ASGIApp, *, is_https: bool) -> None:
        self._app = app
        self._is_https = is_https
        usual = {"Cache-Control": USUAL_CACHE} | headers_for("/", is_https=is_https)
        self._usual = [(name.lower().encode(), value.encode()) for name, value in usual.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_token_page = scope["path"].startswith((*TOKEN_ROOTS, OPS_ROOT))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                if is_token_page:
                    self._insist(MutableHeaders(scope=message), scope["path"])
                else:
                    has = {name for name, _ in message["headers"]}
                    message["headers"] = [
                        *message["headers"], *(each for each in self._usual if each[0] not in has),
                    ]  # fmt: skip
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _insist(self, headers: MutableHeaders, path: str) -> None:
        for name, value in headers_for(path, is_https=self._is_https).items():
            headers[name] = value
