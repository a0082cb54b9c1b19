"""The whole way: an email leaves to SendGrid, SendGrid tells the site what became of it, the worker hears.

The SendGrid is the fake on a socket; the site and the worker are the real ones."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from sendgrid_events import Signer, Webhook, about, duplicated, renamed
from sendgrid_fake import Accept, SendGridFake
from sendgrid_faults import FIN_AFTER_BODY
from sqlalchemy import select

from delivery.records import counts
from scheduler import Send, State
from subscribers import Subscriber
from subscribers.suppression import find_suppression

SIGNER = Signer()


@pytest.fixture
def sendgrid() -> Iterator[SendGridFake]:
    with SendGridFake() as fake:
        yield fake


@pytest.fixture
def application(open_application, sendgrid):
    return open_application(
        provider="sendgrid",
        sendgrid_api_key="SG.test",
        sendgrid_host=sendgrid.url,
        sendgrid_webhook_keys=(SIGNER.shown,),
    )


@pytest.fixture
def webhook(application, sendgrid, base_url) -> Webhook:
    clock = application.clock
    return Webhook(sendgrid.accepted, base_url, signer=SIGNER, clock=lambda: clock().timestamp())


@pytest.fixture
def later(application):
    """Lets time pass, and the worker tick."""
    worker = application.worker()

    def forward(**span: float) -> None:
        application.clock.forward(**span)
        worker.tick()

    yield forward
    worker.close()


@pytest.fixture
def welcomed(visitor, later, sendgrid) -> dict[str, Accept]:
    """The newest email to Ana and to Kiri, who have both signed up and confirmed."""
    for name in ("ana", "kiri"):
        visitor.confirmed(email=f"{name}@example.com")
    later(minutes=5)
    return {accept.to.partition("@")[0]: accept for accept in sendgrid.accepted}


@pytest.fixture
def state_of(application):
    def look(email: Accept) -> str | None:
        with application.database.read() as session:
            return session.scalar(select(Send.state).where(Send.reference == email.mid))

    return look


@pytest.fixture
def why_silent(application):
    def look(name: str) -> str:
        with application.database.read() as session:
            address = f"{name}@example.com"
            key = session.scalar(select(Subscriber.address_hmac).where(Subscriber.address == address))
            found = find_suppression(session, key)
            return found.reason if found else ""

    return look


def counted(application) -> dict[str, int]:
    with application.database.read() as session:
        return {found.what: found.total for found in counts(session)}


def test_a_bounce_stops_what_was_to_come_for_her_alone(
    welcomed, webhook, later, sendgrid, state_of, why_silent
):
    assert webhook.tell("processed")
    later(minutes=1)
    assert {state_of(email) for email in welcomed.values()} == {State.PROCESSED}
    assert webhook.tell("bounce", of=[welcomed["ana"]])
    later(minutes=1)
    assert (state_of(welcomed["ana"]), state_of(welcomed["kiri"])) == (State.BOUNCED, State.PROCESSED)
    assert (why_silent("ana"), why_silent("kiri")) == ("bounced", "")
    before = len(sendgrid.accepted)
    for _ in range(8 * 12):
        later(hours=3)
    assert {accept.to for accept in sendgrid.accepted[before:]} == {"kiri@example.com"}


@pytest.mark.parametrize(
    ("kind", "why", "state"),
    [
        ("spamreport", "complained", State.DELIVERED),
        ("dropped", "bounced", State.DROPPED),
        ("unsubscribe", "unsubscribed", State.DELIVERED),
        ("blocked", "", State.BOUNCED),
        ("deferred", "", State.DEFERRED),
        ("open", "", State.DELIVERED),
        ("group_resubscribe", "", State.ACCEPTED),
    ],
)
def test_each_word_of_sendgrid_has_its_consequence(
    welcomed, webhook, later, state_of, why_silent, kind, why, state
):
    assert webhook.tell(kind, of=[welcomed["ana"]])
    later(minutes=1)
    assert (state_of(welcomed["ana"]), why_silent("ana")) == (state, why)
    assert (state_of(welcomed["kiri"]), why_silent("kiri")) == (State.ACCEPTED, "")


def test_however_often_and_in_whatever_order_it_is_told_the_end_is_the_same(
    welcomed, webhook, later, application, state_of
):
    story = ("processed", "deferred", "delivered")
    assert webhook.tell(*story, change=lambda events: duplicated(events)[::-1])
    later(minutes=1)
    assert webhook.tell(*story, of=welcomed.values(), change=renamed)
    later(hours=24)
    assert webhook.tell(*story, of=welcomed.values(), change=lambda events: renamed(renamed(events)))
    later(minutes=1)
    assert {state_of(email) for email in welcomed.values()} == {State.DELIVERED}
    assert set(counted(application)) == {"event"}


def test_a_lie_about_somebody_else_changes_nobody(
    welcomed, webhook, later, application, state_of, why_silent
):
    assert webhook.tell(
        "bounce", of=[welcomed["ana"]], change=lambda events: about(events, "kiri@example.com")
    )
    nobody = Accept("f" * 32, "1", "kiri@example.com", "", 0, "of-nobody")
    assert webhook.tell("bounce", of=[nobody])
    later(minutes=1)
    assert {state_of(email) for email in welcomed.values()} == {State.ACCEPTED}
    assert (why_silent("ana"), why_silent("kiri")) == ("", "")
    told = counted(application)
    assert (told["wrong_address"], told["foreign"]) == (1, 1)


def test_an_answer_lost_on_its_way_is_found_again_and_nothing_leaves_twice(
    visitor, webhook, later, sendgrid, state_of
):
    visitor.confirmed(email="ana@example.com")
    sendgrid.fail_next(FIN_AFTER_BODY)
    later(minutes=5)
    (lost,) = sendgrid.accepted
    assert state_of(lost) == State.IN_DOUBT
    assert webhook.tell("processed")
    later(minutes=1)
    assert state_of(lost) == State.PROCESSED
    later(hours=7)
    assert [accept.mid for accept in sendgrid.accepted] == [lost.mid]


def test_what_a_site_that_was_down_did_not_hear_is_told_again(
    welcomed, webhook, later, application, state_of
):
    site = webhook.url
    with socket.create_server(("127.0.0.1", 0)) as closed:
        webhook.url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    assert not webhook.tell("delivered")
    application.clock.forward(hours=23)
    webhook.url = site
    assert webhook.tell()
    later(minutes=1)
    assert {state_of(email) for email in welcomed.values()} == {State.DELIVERED}
