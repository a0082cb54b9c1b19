from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from sqlalchemy import select
from starlette.responses import HTMLResponse, Response

from campaigns import Catalog
from campaigns.describing import describe
from delivery.inbox import StoredEmail, find_in_outbox, read_outbox
from runup.application import Application
from runup.web.security import CONTENT_SECURITY_POLICY
from runup.web.site import SiteDep
from scheduler import Line, Send, outlook, worth_telling
from subscribers import Interview, Subscriber
from subscribers.wall_time import local

_FRAMED = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)
"""An email is shown as its own page that can run nothing and load nothing."""


@dataclass(frozen=True)
class Letter:
    """An email that left, with what our rows say about it."""

    email: StoredEmail
    line: Line
    left_at: datetime
    """On the reader's own clock."""
    why: str


@dataclass(frozen=True)
class Mailbox:
    """One person of the demo: what reached them and what did not."""

    subscriber: Subscriber
    interviews: tuple[Interview, ...]
    letters: tuple[Letter, ...]
    left_out: tuple[Line, ...]
    coming: tuple[Line, ...]


def mailboxes(application: Application) -> list[Mailbox]:
    """Everybody in the database, in the order they signed up."""
    emails = {email.reference: email for email in read_outbox(application.settings.outbox_folder)}
    with application.database.read() as session:
        references = {row.id: row.reference for row in session.execute(select(Send.id, Send.reference))}
        return [
            _mailbox(
                subscriber,
                outlook(session, subscriber.id, catalog=application.catalog),
                {
                    identity: emails[reference]
                    for identity, reference in references.items()
                    if reference in emails
                },
                application.catalog,
            )
            for subscriber in session.scalars(select(Subscriber).order_by(Subscriber.id))
        ]


def _mailbox(
    subscriber: Subscriber, lines: Iterable[Line], emails: dict[int, StoredEmail], catalog: Catalog
) -> Mailbox:
    lines = worth_telling(lines)
    letters = [
        Letter(
            email=emails[line.send_id],
            line=line,
            left_at=local(emails[line.send_id].date, subscriber.home_zone),
            why=describe(catalog.sequence(line.campaign).step(line.step)),
        )
        for line in lines
        if line.send_id in emails
    ]
    return Mailbox(
        subscriber=subscriber,
        interviews=tuple(subscriber.interviews),
        letters=tuple(sorted(letters, key=lambda letter: letter.email.date)),
        left_out=tuple(line for line in lines if line.kind == "left_out"),
        coming=tuple(line for line in lines if line.kind == "coming"),
    )


def inbox_routes(application: Application) -> APIRouter:
    """The pages of the demo's inbox, to be added to the site. Only the demo has them."""
    router = APIRouter()
    folder = application.settings.outbox_folder

    @router.get("/inbox")
    def index(site: SiteDep) -> Response:
        return site.page("inbox.html", mailboxes=mailboxes(application))

    @router.get("/inbox/{name}")
    def email(
        name: str, site: SiteDep, view: Annotated[str, Query(pattern="^(html|text|headers)$")] = "html"
    ) -> Response:
        letters = [letter for mailbox in mailboxes(application) for letter in mailbox.letters]
        letter = next((letter for letter in letters if letter.email.name == name), None)
        if letter is None:
            raise HTTPException(404)
        response = site.page("inbox_email.html", letter=letter, view=view)
        response.headers["Content-Security-Policy"] = f"{CONTENT_SECURITY_POLICY}; frame-src 'self'"
        return response

    @router.get("/inbox/{name}/html")
    def html(name: str) -> Response:
        found = find_in_outbox(folder, name)
        if found is None:
            raise HTTPException(404)
        # Links open in a page of their own; inside the frame nothing can.
        page = found.html.replace("<head>", '<head><base target="_blank">', 1)
        return HTMLResponse(
            page,
            headers={
                "Content-Security-Policy": _FRAMED,
                "X-Frame-Options": "SAMEORIGIN",
            },
        )

    return router
