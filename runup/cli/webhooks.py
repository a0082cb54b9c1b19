"""`runup webhooks`."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Annotated

from cyclopts import App, Parameter
from sqlalchemy import select
from sqlalchemy.orm import Session

from delivery.public_places import BadPlace
from runup.application import Application
from runup.cli.errors import BadInput, Failed
from runup.cli.opening import opened
from runup.cli.terminal import agreed, note, say, show
from runup.providing import places_of
from runup.receivers import post_row, receiver, webhook_rows
from runup.workspace import nearest
from scheduler.outbox import try_again, waiting
from scheduler.posting import call, client
from scheduler.webhook import EventName, Webhook, WebhookPost
from scheduler.webhook_message import secrets_of, sign
from scheduler.webhook_triggers import agree

app = App(name="webhooks", help="Tell your other programs what happens, signed.")
_COLUMNS = {"id": "No.", "receiver": "Receiver", "events": "Events", "state": "State", "waiting": "Waiting",
            "why": "Why"}  # fmt: skip
_LOG = {"id": "No.", "type": "Event", "subscriber_id": "Person", "occurred_at": "When", "state": "State",
        "attempts": "Tries", "error": "Error"}  # fmt: skip
Yes = Annotated[bool, Parameter(name="--with-address")]


@app.command
def add(url: str, /, *, events: str, with_address: Yes = False) -> None:
    """Post what happens from now on to an address of yours, and print the secret that its signatures are
    verified with.

    Parameters
    ----------
    url
        Where to: an https:// address on the internet, or one in the networks of `webhook_networks`.
    events
        Which, with commas: sign_up, confirmed, sent, delivered, bounced, complained, unsubscribed, outcome.
    with_address
        Put the person's email address into each message. Left out, people are numbers.
    """
    names = _names(events)
    with opened() as application:
        try:
            places_of(application.settings).check(url)
        except BadPlace as error:
            raise BadInput(str(error)) from None
        now = application.clock()
        webhook = Webhook(
            url=url, events=f",{','.join(names)},", has_address=with_address, salt=secrets.token_hex(16),
            created_at=now, state="on",
        )  # fmt: skip
        with application.database.write() as session:
            session.add(webhook)
            session.flush()
            agree(session)
        say(f"Webhook {webhook.id}: {', '.join(names)} to {receiver(webhook)}")
        _say_secret(application, webhook, now)
    note("`runup webhooks test` posts one message now")


@app.command(name="list")
def list_(*, json: bool = False) -> None:
    """Who is told of what, and how that goes.

    Parameters
    ----------
    json
        Print JSON: id, receiver, events, has_address, state (on, failing, off), waiting, why, created_at,
        failing_since, next_at, succeeded_at.
    """
    with opened() as application, application.database.read() as session:
        rows = webhook_rows(session)
    show(rows, _COLUMNS, as_json=json, empty="Nobody is told of anything.")


@app.command
def secret(number: int, /, *, rotate: bool = False) -> None:
    """Print the secret of a webhook again.

    Parameters
    ----------
    number
        The webhook's number.
    rotate
        Make a new one. For 24 hours messages are signed with both, so that the receiver can change in peace.
    """
    with opened() as application:
        now = application.clock()
        with application.database.write() as session:
            webhook = _found(session, number)
            if rotate:
                webhook.former_salt, webhook.rotated_at = webhook.salt, now
                webhook.salt = secrets.token_hex(16)
        _say_secret(application, webhook, now)


@app.command
def test(number: int, /) -> None:
    """Post one message of the type `test` now, and say what came of it. Exit code 1 unless it was taken.

    Parameters
    ----------
    number
        The webhook's number.
    """
    with opened() as application:
        now = application.clock()
        with application.database.read() as session:
            webhook = _found(session, number)
        message = sign(
            f"msg_{secrets.token_hex(16)}", "test", now, {},
            secrets=secrets_of(webhook, application.links.keys, now=now), now=now,
        )  # fmt: skip
        http = client(webhook.url, places_of(application.settings))
        try:
            answer = call(http, webhook.url, message, now=now)
        finally:
            http.close()
    if not answer.is_good:
        raise Failed(f"{receiver(webhook)} did not take it: {answer.error}")
    say(f"{receiver(webhook)} took it: HTTP {answer.status}.")


@app.command
def remove(number: int, /, *, yes: bool = False) -> None:
    """Tell this receiver nothing more, and forget what it was not told yet.

    Parameters
    ----------
    number
        The webhook's number.
    yes
        Do not ask.
    """
    with opened() as application:
        with application.database.read() as session:
            webhook = _found(session, number)
            left = waiting(session, number)
        question = f"Remove webhook {number} to {receiver(webhook)}? {left:,} messages wait for it."
        if not agreed(question, yes=yes):
            raise BadInput("nothing has changed; say --yes to remove it without being asked")
        with application.database.write() as session:
            session.delete(_found(session, number))
            session.flush()
            agree(session)
    say("Removed.")


@app.command
def retry(number: int, /) -> None:
    """Switch a webhook on again, and post what waits and what was given up at once.

    Parameters
    ----------
    number
        The webhook's number.
    """
    with opened() as application, application.database.write() as session:
        again = try_again(session, _found(session, number), now=application.clock())
        agree(session)
    say(f"{again:,} messages are posted as soon as a worker comes to it.")


@app.command
def log(number: int, /, *, state: str = "", limit: int = 50, json: bool = False) -> None:
    """The messages of the last week for one receiver, the newest first.

    Parameters
    ----------
    number
        The webhook's number.
    state
        Only those: waiting, done, failed.
    limit
        How many at most; 0 for all.
    json
        Print JSON: id, message_id, type, subscriber_id, interview_id, send_id, detail, occurred_at, state,
        attempts, next_at (null unless it waits), done_at, status, error.
    """
    if state and state not in ("waiting", "done", "failed"):
        raise BadInput(f"--state: {state!r} is none of waiting, done, failed")
    found = select(WebhookPost).where(WebhookPost.webhook_id == number).order_by(WebhookPost.id.desc())
    found = found.where(WebhookPost.state == state) if state else found
    with opened() as application, application.database.read() as session:
        _found(session, number)
        rows = [post_row(post) for post in session.scalars(found.limit(limit) if limit else found)]
    show(rows, _LOG, as_json=json, empty="Nothing has happened that it is told of.")


def _names(events: str) -> list[str]:
    names = list(dict.fromkeys(name.strip() for name in events.split(",") if name.strip()))
    for name in names:
        if name not in list(EventName):
            known = ", ".join(EventName)
            raise BadInput(
                f"--events: there is no event {name!r}{nearest(name, list(EventName)) or f'; {known}'}"
            )
    if not names:
        raise BadInput(f"--events: name one or more of {', '.join(EventName)}")
    return names


def _found(session: Session, number: int) -> Webhook:
    webhook = session.get(Webhook, number)
    if webhook is None:
        raise BadInput(f"there is no webhook {number}; `runup webhooks list` has them")
    return webhook


def _say_secret(application: Application, webhook: Webhook, now: datetime) -> None:
    say(f"Secret: {secrets_of(webhook, application.links.keys, now=now)[0]}")
