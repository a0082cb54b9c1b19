from __future__ import annotations

import asyncio

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 64 * 1024
"""Ten times the longest honest form."""
MOST_AT = {"/invitation": 260 * 1024, "/webhooks/sendgrid": 2 * 1024 * 1024}
"""Where a file comes with the form; and a feed's events, of which SendGrid gathers up to 768 kB."""
WITHIN = 60.0
"""Seconds for a whole body: a calendar file from a phone with hardly any network takes forty."""


class BodyLimit:
    """Answers 413 to a request body longer than `MOST_BYTES` (`MOST_AT` its path), announced or not, and 408
    to one that is not whole after `WITHIN`.

    A body that says its length is refused before a byte of it is read; one that does not (chunked) is cut
    off where it grows too long, so no request can fill the memory, and none that drips can stay for ever.
    """

    def __init__(self, app: ASGIApp, *, most: int = MOST_BYTES) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = MOST_AT.get(scope["path"], self._most)
        await self._app(scope, _counted(receive, announced=_announced(scope), most=most), send)


def _counted(receive: Receive, *, announced: int, most: int) -> Receive:
    seen, until, is_whole = 0, asyncio.get_running_loop().time() + WITHIN, False

    async def counted() -> Message:
        nonlocal seen, is_whole
        if is_whole:
            # What is asked for after the body is whether the visitor is still there: that may take its time.
            return await receive()
        # Raised where the page asks for the body, so that the answer is a page of ours.
        if announced > most:
            raise HTTPException(413)
        try:
            async with asyncio.timeout_at(until):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, headers={"Connection": "close"}) from None
        seen += len(message.get("body", b""))
        if seen > most:
            raise HTTPException(413)
        is_whole = not message.get("more_body", False)
        return message

    return counted


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0
