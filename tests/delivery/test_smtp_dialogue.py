"""What each turn of the dialogue with an SMTP server proves, on a real server that goes wrong on demand."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.policy import default
from typing import Any, TypeAlias

import pytest
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
from delivery.mime import as_bytes

MakeEmail: TypeAlias = Callable[..., Email]


@pytest.fixture
def provider(smtp_server: SmtpFake) -> Iterator[Provider]:
    opened = open_provider(plain(smtp_server))
    yield opened
    opened.close()


@pytest.fixture
def hurried(smtp_server: SmtpFake) -> Iterator[Provider]:
    """With 0.4 s for a whole call instead of 20."""
    opened = open_provider(plain(smtp_server), timeout=0.4)
    yield opened
    opened.close()


def plain(server: SmtpFake, **changes: Any) -> SmtpConfig:
    return SmtpConfig(host="localhost", port=server.port, security="none", **changes)


def test_250_is_accepted_with_the_server_s_own_words(
    provider: Provider, smtp_server: SmtpFake, to_ana: MakeEmail
) -> None:
    accepted = provider.deliver(to_ana())
    assert (accepted.status, accepted.message_id) == (250, "2.0.0 Ok: queued as 000001")
    (received,) = smtp_server.received
    assert (received.sender, received.recipients) == ("hello@runup.example.com", ("ana@example.com",))
    assert received.content == as_bytes(to_ana())


def test_lines_that_begin_with_a_dot_arrive_as_they_were(
    provider: Provider, smtp_server: SmtpFake, to_ana: MakeEmail
) -> None:
    email = to_ana(text=".\n..\n.leading\nend\n.\n", html="<p>\n.x\n.\n</p>")
    provider.deliver(email)
    assert smtp_server.received[0].content == as_bytes(email)
    text = message_from_bytes(smtp_server.received[0].content, policy=default).get_body(("plain",))
    assert text is not None
    assert text.get_content().replace("\r\n", "\n") == email.text


@pytest.mark.parametrize(
    ("verb", "reply", "expected"),
    [
        ("GREETING", "421 4.3.2 Shutting down", NotSent),
        ("GREETING", "554 5.7.1 No service for you", AccountRefused),
        ("EHLO", "450 later", NotSent),
        ("MAIL", "451 4.3.0 later", NotSent),
        ("MAIL", "421 4.7.0 too many", NotSent),
        ("MAIL", "530 5.7.0 Authentication required", AccountRefused),
        ("MAIL", "550 5.7.1 sender not yours", AccountRefused),
        ("MAIL", "552 5.3.4 too large", Rejected),
        ("RCPT", "450 4.2.0 greylisted", NotSent),
        ("RCPT", "452 4.2.2 mailbox full", NotSent),
        ("RCPT", "421 4.7.0 closing", NotSent),
        ("RCPT", "550 5.1.1 no such user", Rejected),
        ("RCPT", "553 5.1.3 bad address", Rejected),
        ("RCPT", "530 5.7.0 Authentication required", AccountRefused),
        ("RCPT", "354 what?", NotSent),
        ("RCPT", "hello there", NotSent),
        ("DATA", "451 4.3.0 later", NotSent),
        ("DATA", "554 5.7.1 no", Rejected),
        ("DATA", "250 what?", NotSent),
        ("MESSAGE", "452 4.3.1 disk full", NotSent),
        ("MESSAGE", "421 4.3.2 closing", NotSent),
        ("MESSAGE", "550 5.7.1 spam", Rejected),
        ("MESSAGE", "552 5.3.4 too large", Rejected),
        ("MESSAGE", "251 what?", Unknown),
        ("MESSAGE", "354 what?", Unknown),
        ("MESSAGE", "what?", Unknown),
    ],
)
def test_each_refusal_has_its_class(
    provider: Provider,
    smtp_server: SmtpFake,
    to_ana: MakeEmail,
    verb: str,
    reply: str,
    expected: type[DeliveryError],
) -> None:
    smtp_server.fail_next(verb, reply)
    with pytest.raises(DeliveryError) as failure:
        provider.deliver(to_ana())
    assert type(failure.value) is expected
    if reply[:3].isdigit() and expected is not Unknown:
        assert failure.value.status == int(reply[:3])
    taken_before = len(smtp_server.received)
    assert provider.deliver(to_ana(attempt=2)).status == 250, "and the provider is as good as new"
    assert len(smtp_server.received) == taken_before + 1


@pytest.mark.parametrize("verb", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("turn", [Turn.HANG_UP, Turn.HANG, Turn.DRIP])
def test_a_connection_that_fails_before_the_email_is_not_sent(
    hurried: Provider, smtp_server: SmtpFake, to_ana: MakeEmail, verb: str, turn: Turn
) -> None:
    smtp_server.fail_next(verb, turn)
    with pytest.raises(NotSent):
        hurried.deliver(to_ana())
    assert smtp_server.received == []


def test_a_connection_lost_before_the_final_dot_is_not_sent(
    provider: Provider, smtp_server: SmtpFake, to_ana: MakeEmail
) -> None:
    smtp_server.fail_next("DATA", Turn.HANG_UP_MID_MESSAGE)
    # More than the kernel buffers, so that the dot has certainly not left.
    with pytest.raises(NotSent, match="before the end of the email"):
        provider.deliver(to_ana(text="x" * 25_000_000))


@pytest.mark.parametrize("turn", [Turn.HANG_UP, Turn.HANG, Turn.DRIP])
def test_no_answer_after_the_final_dot_leaves_us_in_doubt(
    smtp_server: SmtpFake, to_ana: MakeEmail, turn: Turn
) -> None:
    provider = open_provider(plain(smtp_server), timeout=1.0)
    smtp_server.fail_next("MESSAGE", turn)
    with pytest.raises(Unknown, match="no answer after the end of the email"):
        provider.deliver(to_ana())


def test_nobody_listening_is_not_sent(to_ana: MakeEmail) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    provider = open_provider(SmtpConfig(host="localhost", port=port, security="none"))
    with pytest.raises(NotSent, match="ConnectionRefusedError"):
        provider.deliver(to_ana())


def test_a_server_that_quotes_the_recipient_does_not_get_it_into_our_logs(
    provider: Provider, smtp_server: SmtpFake, to_ana: MakeEmail
) -> None:
    smtp_server.fail_next("RCPT", "550 5.1.1 <ana@example.com>: \x1b]0;gone\x07 user unknown")
    with pytest.raises(Rejected) as failure:
        provider.deliver(to_ana())
    assert str(failure.value) == (
        "the SMTP server refuses the recipient: 550 5.1.1 <<address>>: ]0;gone user unknown"
    )


def test_bounces_go_to_an_address_that_names_the_attempt(smtp_server: SmtpFake, to_ana: MakeEmail) -> None:
    provider = open_provider(plain(smtp_server, bounce_address="bounces+{reference}@runup.example.com"))
    provider.deliver(to_ana(attempt=2))
    provider.close()
    (received,) = smtp_server.received
    assert received.sender == "bounces+Ana0123456789abcdefXYZ.2@runup.example.com"
    assert b'From: "runup" <hello@runup.example.com>' in received.content


def test_a_server_that_reports_is_told_who_and_which(to_ana: MakeEmail) -> None:
    """RFC 3461: reports bring it back, even when the email was forwarded or its headers are left out."""
    with SmtpFake(has_dsn=True, is_international=True) as server:
        provider = open_provider(plain(server))
        provider.deliver(to_ana(recipient="ana+jobs=2026@example.com"))
        provider.deliver(to_ana(recipient="añá@example.com", attempt=2))
        provider.close()
    assert server.parameters == [
        "RET=HDRS",
        "ENVID=Ana0123456789abcdefXYZ.1",
        "ORCPT=rfc822;ana+2Bjobs+3D2026@example.com",
        "RET=HDRS",
        "ENVID=Ana0123456789abcdefXYZ.2",
    ]
    assert len(server.received) == 2


def test_an_international_address_goes_to_a_server_that_takes_them(to_ana: MakeEmail) -> None:
    with SmtpFake(is_international=True) as server:
        provider = open_provider(plain(server))
        provider.deliver(to_ana(recipient="añá@straße.example"))
        provider.close()
        (received,) = server.received
        assert received.recipients == ("añá@xn--strae-oqa.example",)
        assert received.is_international
        assert "<añá@xn--strae-oqa.example>".encode() in received.content


def test_an_international_address_is_rejected_where_the_server_takes_none(
    provider: Provider, smtp_server: SmtpFake, to_ana: MakeEmail
) -> None:
    with pytest.raises(Rejected, match="SMTPUTF8"):
        provider.deliver(to_ana(recipient="añá@example.com"))
    assert provider.deliver(to_ana()).status == 250
    assert len(smtp_server.received) == 1


def test_an_international_domain_alone_needs_nothing_special(
    provider: Provider, smtp_server: SmtpFake, to_ana: MakeEmail
) -> None:
    provider.deliver(to_ana(recipient="ana@münchen.example"))
    assert smtp_server.received[0].recipients == ("ana@xn--mnchen-3ya.example",)


def test_what_cannot_be_written_is_rejected_before_the_server_is_asked(
    provider: Provider, smtp_server: SmtpFake, to_ana: MakeEmail
) -> None:
    with pytest.raises(Rejected):
        provider.deliver(to_ana(recipient="a@example.com,b@example.com"))
    assert smtp_server.connections == 0
