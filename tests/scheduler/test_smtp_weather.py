"""A worker before a mail server that breaks off or talks nonsense: it goes on, and knows what it does not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from smtp_fake import SmtpFake, Turn
from town import Town

from campaigns import Catalog
from delivery import SmtpConfig, open_provider
from runup.database import Database
from scheduler import State

NONSENSE = bytes(range(256)) + b"\r\n"


@pytest.fixture
def server() -> Iterator[SmtpFake]:
    with SmtpFake() as fake:
        yield fake


@pytest.fixture
def town(database: Database, catalog: Catalog, server: SmtpFake) -> Iterator[Town]:
    config = SmtpConfig(host="localhost", port=server.port, security="none")
    made = Town(database=database, catalog=catalog, provider=open_provider(config, timeout=1.0))
    yield made
    made.close()


@pytest.mark.parametrize(
    ("verb", "turn"),
    [
        ("GREETING", NONSENSE),
        ("EHLO", Turn.FLOOD),
        ("RCPT", Turn.RESET),
        ("DATA", b"354 go on\r\n250 2.0.0 queued\r\n"),
        ("DATA", Turn.HALF),
    ],
)
def test_what_breaks_before_the_email_s_end_is_sent_later_and_once(
    town: Town, server: SmtpFake, verb: str, turn: Turn | bytes
) -> None:
    town.ana()
    server.fail_next(verb, turn)
    assert town.tick().accepted == 0
    assert State(town.send("welcome").state) is State.RETRY_WAIT
    town.later(minutes=16).tick()
    assert State(town.send("welcome").state) is State.ACCEPTED
    assert len(server.received) == 1


@pytest.mark.parametrize("turn", [NONSENSE, Turn.RESET, Turn.HALF, Turn.FLOOD])
def test_what_breaks_after_the_email_s_end_is_in_doubt_and_not_simply_sent_again(
    town: Town, server: SmtpFake, turn: Turn | bytes
) -> None:
    town.ana()
    server.fail_next("MESSAGE", turn)
    assert town.tick().accepted == 0
    assert State(town.send("welcome").state) is State.IN_DOUBT
    town.later(hours=2).tick()
    assert State(town.send("welcome").state) is State.IN_DOUBT
    assert server.received == []


def test_others_are_sent_while_one_is_in_trouble(town: Town, server: SmtpFake) -> None:
    town.ana()
    town.person("kiri")
    town.person("sam")
    server.fail_next("RCPT", NONSENSE, "550 not today")
    town.tick()
    states = sorted(State(send.state) for send in town.sends("welcome"))
    assert states == [State.ACCEPTED, State.REJECTED, State.RETRY_WAIT]
