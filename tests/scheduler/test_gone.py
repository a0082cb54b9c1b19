"""An address that the receiving server refuses at the door, with the sender still there to hear it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from smtp_fake import SmtpFake
from town import Town

from campaigns import Catalog
from delivery import SmtpConfig, open_provider
from runup.database import Database
from scheduler import State
from scheduler.gone import give_up
from subscribers import Interview, Subscriber, find_suppression
from subscribers.own_data import forget_person


@pytest.fixture
def server() -> Iterator[SmtpFake]:
    with SmtpFake() as fake:
        yield fake


@pytest.fixture
def town(database: Database, catalog: Catalog, server: SmtpFake) -> Iterator[Town]:
    """Emails leave over SMTP, one after the other."""
    provider = open_provider(SmtpConfig(host="localhost", port=server.port, security="none"))
    made = Town(database=database, catalog=catalog, provider=provider)
    yield made
    made.close()


def why(town: Town, interview: Interview) -> str:
    """Why she must not be written to, "" when she may."""
    with town.database.read() as session:
        person = session.get_one(Subscriber, interview.subscriber_id)
        found = find_suppression(session, person.address_hmac or "")
        return found.reason if found else ""


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("550 5.1.1 <ana@example.com>: Recipient address rejected: User unknown", "bounced"),
        ("550 no such user here", "bounced"),
        ("553 5.1.2 domain does not exist", "bounced"),
        ("552 5.2.2 mailbox full", ""),
        ("550 5.7.1 relaying denied", ""),
        ("554 5.7.1 blocked, see our list of spammers", ""),
        ("550 not today", ""),
    ],
)
def test_the_address_is_given_up_only_for_its_own_fault(
    town: Town, server: SmtpFake, answer: str, reason: str
) -> None:
    ana = town.ana()
    server.fail_next("RCPT", answer)
    town.tick()
    assert State(town.send("welcome").state) is State.REJECTED
    assert why(town, ana) == reason
    town.tick_until("2026-11-28T20:00", every=timedelta(hours=12))
    assert (server.received == []) is (reason != "")


def test_what_was_planned_for_her_is_withdrawn_and_others_go_on(town: Town, server: SmtpFake) -> None:
    ana, kiri = town.ana(), town.person("kiri")
    server.fail_next("RCPT", "550 5.1.1 no such user")
    town.tick()
    town.later(seconds=5).tick()
    assert (why(town, ana), why(town, kiri)) == ("bounced", "")
    states = {send.state for send in town.sends(subscriber_id=ana.subscriber_id)}
    assert states == {State.REJECTED, State.SUPPRESSED}
    assert [received.recipients for received in server.received] == [("kiri@example.com",)]


def test_a_refusal_after_the_email_itself_blames_nobody(town: Town, server: SmtpFake) -> None:
    ana = town.ana()
    server.fail_next("MESSAGE", "550 5.1.1 content refused")
    town.tick()
    assert State(town.send("welcome").state) is State.REJECTED
    assert why(town, ana) == ""


def test_giving_up_twice_is_giving_up_once(town: Town) -> None:
    ana = town.ana()
    (send, *_) = town.sends("welcome")
    with town.write() as session:
        assert give_up(session, [send.id], now=town.now) == 1
    with town.write() as session:
        assert give_up(session, [send.id, send.id], now=town.now) == 0
    assert why(town, ana) == "bounced"


def test_somebody_who_is_erased_meanwhile_has_no_address_to_give_up(town: Town) -> None:
    ana = town.ana()
    (send, *_) = town.sends("welcome")
    with town.write() as session:
        forget_person(session, session.get_one(Subscriber, ana.subscriber_id), now=town.now)
    with town.write() as session:
        assert give_up(session, [send.id], now=town.now) == 0
