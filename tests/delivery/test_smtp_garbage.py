"""Servers that break off, talk nonsense, or talk out of turn: one of four errors each, and no email lost."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from smtp_fake import SmtpFake, Turn

from delivery import (
    AccountRefused,
    DeliveryError,
    Email,
    NotSent,
    Provider,
    Rejected,
    SmtpConfig,
    Unknown,
    open_provider,
)
from delivery.providers.smtp import Smtp

if TYPE_CHECKING:
    from conftest import Certificates

MakeEmail = Callable[..., Email]
BEFORE = ("GREETING", "EHLO", "MAIL", "RCPT", "DATA")
LOGIN = ("runup", "correct horse battery staple")
NONSENSE = {
    "every byte": bytes(range(256)) + b"\r\n",
    "no number": b"hello there\r\n",
    "an empty line": b"\r\n",
    "blanks": b"   \r\n",
    "a number below nothing": b"-25 ok\r\n",
    "digits of another alphabet": "２５０ ok\r\n".encode(),
    "a zero first": b"\x00250 ok\r\n",
    "bare ends of lines": b"hello\n\r\n250 ok\r\n",
    "half a line": b"25",
    "a line without an end": b"2" * 500_000,
    "lines without an end": b"250-and more\r\n" * 60_000,
    "a web server": b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
}


@pytest.fixture
def hurried(smtp_server: SmtpFake) -> Iterator[Provider]:
    """With half a second for a whole call instead of 20."""
    opened = open_provider(plain(smtp_server), timeout=0.5)
    yield opened
    opened.close()


def plain(server: SmtpFake) -> SmtpConfig:
    return SmtpConfig(host="localhost", port=server.port, security="none")


@pytest.mark.parametrize("verb", BEFORE)
@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_before_the_email_proves_that_it_was_not_sent(
    hurried: Provider, smtp_server: SmtpFake, to_ana: MakeEmail, verb: str, name: str
) -> None:
    smtp_server.fail_next(verb, NONSENSE[name])
    with pytest.raises(NotSent):
        hurried.deliver(to_ana())
    assert smtp_server.received == []
    assert hurried.deliver(to_ana(attempt=2)).status == 250, "and the provider is as good as new"


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_after_the_final_dot_leaves_us_in_doubt(
    hurried: Provider, smtp_server: SmtpFake, to_ana: MakeEmail, name: str
) -> None:
    smtp_server.fail_next("MESSAGE", NONSENSE[name])
    with pytest.raises(Unknown):
        hurried.deliver(to_ana())
    assert hurried.deliver(to_ana(attempt=2)).status == 250


@pytest.mark.parametrize("verb", BEFORE)
@pytest.mark.parametrize("turn", [Turn.RESET, Turn.HALF])
def test_a_connection_that_breaks_before_the_email_is_not_sent(
    hurried: Provider, smtp_server: SmtpFake, to_ana: MakeEmail, verb: str, turn: Turn
) -> None:
    smtp_server.fail_next(verb, turn)
    with pytest.raises(NotSent):
        hurried.deliver(to_ana())
    assert smtp_server.received == []
    assert hurried.deliver(to_ana(attempt=2)).status == 250


@pytest.mark.parametrize("turn", [Turn.RESET, Turn.HALF])
def test_a_connection_that_breaks_after_the_final_dot_leaves_us_in_doubt(
    hurried: Provider, smtp_server: SmtpFake, to_ana: MakeEmail, turn: Turn
) -> None:
    smtp_server.fail_next("MESSAGE", turn)
    with pytest.raises(Unknown, match="no answer after the end of the email"):
        hurried.deliver(to_ana())


@pytest.mark.parametrize(
    ("early", "expected"),
    [
        (b"354 go on\r\n250 2.0.0 queued\r\n", NotSent),
        (b"354 go on\r\n552 5.3.4 too large\r\n", Rejected),
        (b"354 go on\r\n452 4.3.1 no room\r\n", NotSent),
        (b"354 go on\r\nwhat?\r\n", NotSent),
    ],
)
def test_what_is_said_before_the_end_of_the_email_accepts_nothing(
    hurried: Provider, smtp_server: SmtpFake, to_ana: MakeEmail, early: bytes, expected: type[DeliveryError]
) -> None:
    """One line too many, and every answer is taken for the next question's: at last, "queued" for the dot."""
    smtp_server.fail_next("DATA", early)
    with pytest.raises(DeliveryError) as failure:
        hurried.deliver(to_ana())
    assert type(failure.value) is expected
    assert smtp_server.received == []
    assert hurried.deliver(to_ana(attempt=2)).status == 250
    assert smtp_server.connections == 2


@pytest.mark.parametrize("verb", ["EHLO", "MAIL", "RCPT"])
def test_one_line_too_many_earlier_accepts_nothing_either(
    hurried: Provider, smtp_server: SmtpFake, to_ana: MakeEmail, verb: str
) -> None:
    smtp_server.fail_next(verb, Turn.INJECT)
    with pytest.raises(NotSent):
        hurried.deliver(to_ana())
    assert smtp_server.received == []


def test_a_line_too_many_after_the_email_ends_the_session_and_no_more(
    hurried: Provider, smtp_server: SmtpFake, to_ana: MakeEmail
) -> None:
    smtp_server.fail_next("MESSAGE", "250 2.0.0 queued\r\n550 no, after all")
    assert hurried.deliver(to_ana()).message_id == "2.0.0 queued"
    assert hurried.deliver(to_ana(attempt=2)).status == 250
    assert (smtp_server.connections, len(smtp_server.received)) == (2, 2)


def test_over_tls_a_line_too_many_is_heard_as_well(certificates: Certificates, to_ana: MakeEmail) -> None:
    with SmtpFake(starttls=certificates.localhost) as server:
        provider = Smtp(SmtpConfig(host="localhost", port=server.port), tls=certificates.client)
        for attempt in range(1, 6):
            provider.deliver(to_ana(attempt=attempt))
        server.fail_next("DATA", Turn.INJECT)
        with pytest.raises(NotSent, match="out of turn"):
            provider.deliver(to_ana(attempt=6))
        provider.close()
        assert (server.connections, len(server.received)) == (1, 5)


@pytest.mark.parametrize("name", NONSENSE)
@pytest.mark.parametrize("verb", ["STARTTLS", "AUTH"])
def test_nonsense_while_the_session_begins_is_trouble_of_the_server_s(
    certificates: Certificates, to_ana: MakeEmail, verb: str, name: str
) -> None:
    with SmtpFake(starttls=certificates.localhost, login=LOGIN) as server:
        server.fail_next(verb, *[NONSENSE[name]] * 3)
        config = SmtpConfig(host="localhost", port=server.port, username=LOGIN[0], password=LOGIN[1])
        provider = Smtp(config, timeout=0.5, tls=certificates.client)
        with pytest.raises(DeliveryError) as failure:
            provider.deliver(to_ana())
        assert isinstance(failure.value, NotSent | AccountRefused)
        assert LOGIN[1] not in str(failure.value)
        assert server.received == []


def test_a_server_that_never_stops_talking_fills_no_memory(to_ana: MakeEmail, smtp_server: SmtpFake) -> None:
    provider = open_provider(plain(smtp_server), timeout=5)
    smtp_server.fail_next("RCPT", Turn.FLOOD)
    tracemalloc.start()
    try:
        with pytest.raises(NotSent, match="hung up"):
            provider.deliver(to_ana())
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
        provider.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([*BEFORE, "MESSAGE"]),
    st.binary(max_size=300).filter(lambda said: b"\n" in said or len(said) > 5),
)
def test_whatever_a_server_says_is_one_of_four_errors_or_a_yes(
    smtp_server: SmtpFake, to_ana: MakeEmail, verb: str, said: bytes
) -> None:
    before = len(smtp_server.received)
    smtp_server.fail_next(verb, said + b"\r\n")
    provider = open_provider(plain(smtp_server), timeout=0.5)
    try:
        provider.deliver(to_ana())
    except Unknown:
        assert verb == "MESSAGE"
    except NotSent:
        assert verb != "MESSAGE" or said[:1] == b"4"
    except (Rejected, AccountRefused):
        assert said[:1] == b"5"
    else:
        assert said[:1] in (b"2", b"3")
    finally:
        provider.close()
    if verb != "MESSAGE":
        assert len(smtp_server.received) == before
