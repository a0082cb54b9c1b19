"""The fault matrix, where the call fails: what the send becomes on either database."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import trustme
from sendgrid_fake import SendGridFake
from sendgrid_faults import HANG_AFTER_BODY, answer
from town import Town

from delivery import Provider, SendGridConfig
from delivery.providers.sendgrid import SendGrid
from runup.reports import status
from scheduler import State


@contextmanager
def nobody_listens() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    yield f"http://127.0.0.1:{port}"


@contextmanager
def no_such_name() -> Iterator[str]:
    yield "https://nowhere.invalid"


@contextmanager
def a_certificate_nobody_vouches_for() -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    with SendGridFake(tls=context) as fake:
        yield fake.url


@contextmanager
def a_connection_never_taken_up() -> Iterator[str]:
    with socket.socket() as server, socket.socket() as first:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        first.connect(server.getsockname())
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize(
    "place",
    [nobody_listens, no_such_name, a_certificate_nobody_vouches_for, a_connection_never_taken_up],
    ids=lambda place: place.__name__,
)
def test_a_call_that_never_reached_them_waits_and_leaves_once(
    posting_town: Town, sendgrid: SendGridFake, place: Callable[[], contextmanager[str]]
) -> None:
    posting_town.ana()
    with place() as host:
        provider: Provider = SendGrid(SendGridConfig(api_key="SG.tests", host=host), timeout=2.0)
        posting_town.tick(provider=provider)
    waiting = posting_town.send("welcome")
    assert (waiting.state, waiting.claims, waiting.left_at) == (State.RETRY_WAIT, 0, None)
    posting_town.later(minutes=1).tick()
    assert posting_town.send("welcome").state == State.ACCEPTED
    assert len(sendgrid.accepted) == 1


def test_a_call_that_hangs_after_the_body_is_in_doubt(posting_town: Town, sendgrid: SendGridFake) -> None:
    posting_town.ana()
    sendgrid.fail_next(HANG_AFTER_BODY)
    hurried = SendGrid(SendGridConfig(api_key="SG.tests", host=sendgrid.url), timeout=1.0)
    posting_town.tick(provider=hurried)
    assert posting_town.send("welcome").state == State.IN_DOUBT
    posting_town.later(minutes=5).tick()
    assert len(sendgrid.accepted) == 1


def test_a_teapot_is_in_doubt(posting_town: Town, sendgrid: SendGridFake) -> None:
    posting_town.ana()
    sendgrid.fail_next(answer(418))
    posting_town.tick()
    assert posting_town.send("welcome").state == State.IN_DOUBT


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "7"}], ids=["429", "429 with Retry-After"])
def test_asked_to_wait_it_waits_and_leaves_once(
    posting_town: Town, sendgrid: SendGridFake, headers: dict[str, str]
) -> None:
    posting_town.ana()
    sendgrid.fail_next(answer(429, headers))
    posting_town.tick()
    waiting = posting_town.send("welcome")
    assert waiting.state == State.RETRY_WAIT
    assert waiting.ready_at
    if headers:
        assert (waiting.ready_at - posting_town.now).total_seconds() == 7
    posting_town.later(minutes=1).tick()
    assert len(sendgrid.accepted) == 1


def test_the_key_never_follows_a_redirect(posting_town: Town, sendgrid: SendGridFake) -> None:
    posting_town.ana()
    with SendGridFake() as elsewhere:
        sendgrid.fail_next(answer(307, {"Location": f"{elsewhere.url}/v3/mail/send"}))
        posting_town.tick()
        assert (elsewhere.requests, elsewhere.connections) == ([], 0)
    assert posting_town.send("welcome").state == State.IN_DOUBT


def test_accepted_and_never_an_event_is_reported_after_73_hours(posting_town: Town) -> None:
    posting_town.ana()
    posting_town.tick()
    for hours, missing in ((72.9, 0), (0.2, 1)):
        posting_town.later(hours=hours)
        with posting_town.database.read() as session:
            assert status(session, now=posting_town.now).without_end == missing
    assert posting_town.send("welcome").state == State.ACCEPTED
