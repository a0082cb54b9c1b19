"""Where providers tell us what became of our emails."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING

import structlog
from fastapi import APIRouter, Request
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from delivery.records import count, store
from delivery.webhooks.sendgrid import SOURCE, Refused, Translated, parse_keys, read_headers, translate
from runup.web.tally import Tally
from subscribers import address_hmac

if TYPE_CHECKING:
    from runup.application import Application

log = structlog.get_logger(__name__)

SENDGRID = "/webhooks/sendgrid"
BODY_WITHIN = 30.0
"""Seconds for a body to arrive. Only its end proves who sent it, so nobody may hold 2 MB open for longer."""
_SIGNATURE = "X-Twilio-Email-Event-Webhook-Signature"
_TIMESTAMP = "X-Twilio-Email-Event-Webhook-Timestamp"


def router(application: Application) -> APIRouter:
    """The feeds that the settings name keys for. Without keys there is nothing at their address."""
    found = APIRouter()
    if application.settings.sendgrid_webhook_keys:
        hook = SendGridHook(application)
        found.add_api_route(SENDGRID, hook.post, methods=["POST"], response_class=Response)
    return found


class SendGridHook:
    """Takes SendGrid's signed events. Storing them is all that happens here: the scheduler applies them.

    200 once they are committed. Else SendGrid sends the same again for a day: 403 for whatever is not signed,
    without a word why; 503 when the database does not answer.
    """

    def __init__(self, application: Application) -> None:
        self._application = application
        self._keys = parse_keys(application.settings.sendgrid_webhook_keys)
        self._refusals = Tally(self._count_refusals)
        # One after the other, each in its own thread: they wait here and not in the database, whose lock
        # SQLite hands to whoever asks at the right moment, and they never take all threads of the site.
        self._translating, self._storing = asyncio.Lock(), asyncio.Lock()

    async def post(self, request: Request) -> Response:
        # Not in a thread like other pages: a flood of forged posts may not take the threads of the site.
        try:
            body = await self._verified_body(request)
        except Refused as refused:
            self._refusals.add(refused.why)
            return Response("forbidden\n", 403, media_type="text/plain")
        except ClientDisconnect:
            return Response(status_code=400)
        except TimeoutError:
            return Response(status_code=408, headers={"Connection": "close"})
        now = self._application.clock()
        async with self._translating:
            told = await run_in_threadpool(translate, body, now=now)
        if told == Translated():
            return Response(status_code=200)
        async with self._storing:
            return await run_in_threadpool(self._keep, told, now)

    async def _verified_body(self, request: Request) -> bytes:
        """The raw body: compressed ones are none that SendGrid signs, and are never unpacked here."""
        signed = read_headers(
            signature=_only(request.headers, _SIGNATURE),
            timestamp=_only(request.headers, _TIMESTAMP),
            now=self._application.clock(),
        )
        async with asyncio.timeout(BODY_WITHIN):
            body = await request.body()
        signed.check(body, self._keys)
        return body

    def _keep(self, told: Translated, now: datetime) -> Response:
        try:
            with self._application.database.write() as session:
                store(session, told.events, source=SOURCE, hash_address=self._hash, now=now)
                count(session, SOURCE, "malformed", told.malformed, now=now, detail=told.why)
                count(session, SOURCE, "foreign", told.foreign, now=now)
        except SQLAlchemyError as error:
            # The kind only: the message may repeat the statement's values.
            log.error("events_not_stored", source=SOURCE, error=type(error).__name__)
            return Response("busy\n", 503, {"Retry-After": "60"}, "text/plain")
        return Response(status_code=200)

    def _hash(self, address: str) -> str:
        return address_hmac(address, self._application.hmac_key)

    def _count_refusals(self, refusals: dict[str, int]) -> None:
        now = self._application.clock()
        with self._application.database.write() as session:
            for why, number in refusals.items():
                count(session, SOURCE, why, number, now=now)


def _only(headers: Headers, name: str) -> str:
    """The header's value; "" when it is missing or comes twice, for then nobody knows which one counts."""
    values = headers.getlist(name)
    return values[0] if len(values) == 1 else ""
