"""Sessions with an SMTP server: encrypted, logged in, kept, shared by threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from smtp_fake import SmtpFake, Turn

from delivery import AccountRefused, Email, NotSent, Provider, Rejected, SmtpConfig, open_provider
from delivery.providers.smtp import Smtp

if TYPE_CHECKING:
    from conftest import Certificates

MakeEmail: TypeAlias = Callable[..., Email]
LOGIN = ("runup", "correct horse battery staple")


@pytest.fixture
def provider(smtp_server: SmtpFake) -> Iterator[Provider]:
    opened = open_provider(SmtpConfig(host="localhost", port=smtp_server.port, security="none"))
    yield opened
    opened.close()


def test_fifty_emails_take_one_session(provider: Provider, smtp_server: SmtpFake, to_ana: MakeEmail) -> None:
    for attempt in range(1, 51):
        provider.deliver(to_ana(attempt=attempt))
    assert (smtp_server.connections, len(smtp_server.received)) == (1, 50)


def test_a_refused_recipient_does_not_end_the_session_or_leak_into_the_next_email(
    provider: Provider, smtp_server: SmtpFake, to_ana: MakeEmail
) -> None:
    smtp_server.fail_next("DATA", "554 5.7.1 no")
    with pytest.raises(Rejected):
        provider.deliver(to_ana(recipient="sam@example.com"))
    provider.deliver(to_ana())
    assert smtp_server.connections == 1
    assert [received.recipients for received in smtp_server.received] == [("ana@example.com",)]
    assert "RSET" in smtp_server.commands


def test_a_session_that_the_server_closed_while_idle_is_not_used_again(
    provider: Provider, smtp_server: SmtpFake, to_ana: MakeEmail
) -> None:
    provider.deliver(to_ana(attempt=1))
    smtp_server.close_idle()
    provider.deliver(to_ana(attempt=2))
    assert (smtp_server.connections, len(smtp_server.received)) == (2, 2)


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("turn", [Turn.HANG_UP, "421 4.7.0 that is enough for one session"])
def test_a_kept_session_that_ends_before_the_email_is_replaced_without_a_failure(
    provider: Provider, smtp_server: SmtpFake, to_ana: MakeEmail, verb: str, turn: Turn | str
) -> None:
    provider.deliver(to_ana(attempt=1))
    smtp_server.fail_next(verb, turn)
    assert provider.deliver(to_ana(attempt=2)).status == 250
    assert (smtp_server.connections, len(smtp_server.received)) == (2, 2)


def test_the_replacement_is_tried_once(provider: Provider, smtp_server: SmtpFake, to_ana: MakeEmail) -> None:
    provider.deliver(to_ana(attempt=1))
    smtp_server.fail_next("MAIL", Turn.HANG_UP, Turn.HANG_UP)
    with pytest.raises(NotSent, match="hung up before it had the email"):
        provider.deliver(to_ana(attempt=2))
    assert smtp_server.connections == 2


def test_thirty_two_threads_send_every_email_once(
    provider: Provider, smtp_server: SmtpFake, to_ana: MakeEmail
) -> None:
    together = threading.Barrier(32)
    failures: list[BaseException] = []

    def run(person: int) -> None:
        try:
            together.wait(10)
            for _ in range(4):
                provider.deliver(to_ana(recipient=f"person{person}@example.com"))
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(person,)) for person in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    expected = sorted(f"person{person}@example.com" for person in range(32) for _ in range(4))
    assert sorted(received.recipients[0] for received in smtp_server.received) == expected
    assert smtp_server.connections <= 32


def test_starttls_then_login_then_the_email(certificates: Certificates, to_ana: MakeEmail) -> None:
    with SmtpFake(starttls=certificates.localhost, login=LOGIN) as server:
        provider = secure(server, certificates, username=LOGIN[0], password=LOGIN[1])
        for attempt in (1, 2):
            provider.deliver(to_ana(attempt=attempt))
        provider.close()
        assert server.connections == 1
        assert [received.is_encrypted for received in server.received] == [True, True]
        assert server.commands[:5] == ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL"]


def test_tls_from_the_first_byte(certificates: Certificates, to_ana: MakeEmail) -> None:
    with SmtpFake(tls=certificates.localhost) as server:
        provider = secure(server, certificates, security="tls")
        provider.deliver(to_ana())
        provider.close()
        assert [received.is_encrypted for received in server.received] == [True]
        assert "STARTTLS" not in server.commands


def test_a_server_without_starttls_gets_nothing_in_the_clear(
    smtp_server: SmtpFake, certificates: Certificates, to_ana: MakeEmail
) -> None:
    provider = secure(smtp_server, certificates, username=LOGIN[0], password=LOGIN[1])
    with pytest.raises(AccountRefused, match="no STARTTLS"):
        provider.deliver(to_ana())
    assert smtp_server.commands == ["EHLO"]


@pytest.mark.parametrize(
    ("reply", "expected"), [("454 4.7.0 not now", NotSent), ("501 5.5.4 no", AccountRefused)]
)
def test_a_refused_starttls_is_not_gone_around(
    certificates: Certificates, to_ana: MakeEmail, reply: str, expected: type[Exception]
) -> None:
    with SmtpFake(starttls=certificates.localhost) as server:
        server.fail_next("STARTTLS", reply)
        with pytest.raises(expected, match="STARTTLS"):
            secure(server, certificates).deliver(to_ana())
        assert server.commands == ["EHLO", "STARTTLS"]


def test_what_somebody_slips_in_before_encryption_is_not_listened_to(
    certificates: Certificates, to_ana: MakeEmail
) -> None:
    # Taken for the server's answers, it would shift every later one by one turn.
    with SmtpFake(starttls=certificates.localhost) as server:
        server.fail_next("STARTTLS", Turn.INJECT)
        provider = secure(server, certificates)
        assert provider.deliver(to_ana()).message_id == "2.0.0 Ok: queued as 000001"
        provider.close()


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_nobody_vouches_for_means_not_sent(
    certificates: Certificates, to_ana: MakeEmail, security: str
) -> None:
    starttls = certificates.localhost if security == "starttls" else None
    tls = certificates.localhost if security == "tls" else None
    with SmtpFake(starttls=starttls, tls=tls) as server:
        provider = open_provider(SmtpConfig(host="localhost", port=server.port, security=security))
        with pytest.raises(NotSent, match="certificate verify failed"):
            provider.deliver(to_ana())
        assert "MAIL" not in server.commands


def test_a_certificate_for_another_name_means_not_sent(certificates: Certificates, to_ana: MakeEmail) -> None:
    with (
        SmtpFake(starttls=certificates.another_host) as server,
        pytest.raises(NotSent, match="Hostname mismatch"),
    ):
        secure(server, certificates).deliver(to_ana())


@pytest.mark.parametrize(
    ("password", "reply", "expected"),
    [
        ("wrong", None, AccountRefused),
        (LOGIN[1], "535 5.7.8 credentials invalid", AccountRefused),
        (LOGIN[1], "534 5.7.9 mechanism too weak", AccountRefused),
        (LOGIN[1], "454 4.7.0 temporary authentication failure", NotSent),
        (LOGIN[1], Turn.HANG_UP, NotSent),
    ],
)
def test_a_login_that_fails_is_the_account_s_trouble_unless_it_passes(
    certificates: Certificates,
    to_ana: MakeEmail,
    password: str,
    reply: str | Turn | None,
    expected: type[Exception],
) -> None:
    with SmtpFake(starttls=certificates.localhost, login=LOGIN) as server:
        if reply is not None:
            server.fail_next("AUTH", *[reply] * 3)
        provider = secure(server, certificates, username=LOGIN[0], password=password)
        with pytest.raises(expected) as failure:
            provider.deliver(to_ana())
        assert LOGIN[1] not in str(failure.value)
        assert server.received == []


def test_a_server_that_offers_no_login_is_named(certificates: Certificates, to_ana: MakeEmail) -> None:
    with SmtpFake(tls=certificates.localhost) as server:
        server.fail_next("EHLO", "250 mx.example.com")
        provider = secure(server, certificates, security="tls", username=LOGIN[0], password=LOGIN[1])
        with pytest.raises(AccountRefused, match="offers no login"):
            provider.deliver(to_ana())


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"host": ""}, "RUNUP_SMTP_HOST"),
        ({"host": "smtp.example.com", "port": 70000}, "RUNUP_SMTP_PORT is 70000"),
        (
            {"host": "smtp.example.com", "security": "ssl"},
            "RUNUP_SMTP_SECURITY is 'ssl': use starttls, tls, none",
        ),
        (
            {"host": "smtp.example.com", "security": "none"},
            "RUNUP_SMTP_SECURITY=none is for a server on this machine",
        ),
        (
            {"host": "smtp.example.com", "username": "me"},
            "RUNUP_SMTP_USERNAME and RUNUP_SMTP_PASSWORD go together",
        ),
        ({"host": "smtp.example.com", "username": "me", "password": "hüntér2"}, "ASCII"),
        ({"host": "smtp.example.com", "bounce_address": "bounces"}, "RUNUP_BOUNCE_ADDRESS is 'bounces'"),
        (
            {"host": "smtp.example.com", "bounce_address": "{a}@x.example, b@x.example"},
            "RUNUP_BOUNCE_ADDRESS",
        ),
    ],
)
def test_a_wrong_setting_is_named_and_the_password_is_not(values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as refusal:
        SmtpConfig(**values)
    assert "hüntér2" not in str(refusal.value)


@pytest.mark.parametrize(("security", "port"), [("starttls", 587), ("tls", 465)])
def test_the_usual_port_is_the_default(security: str, port: int) -> None:
    assert SmtpConfig(host="smtp.example.com", security=security).actual_port == port


def secure(server: SmtpFake, certificates: Certificates, **changes: Any) -> Smtp:
    config = SmtpConfig(host="localhost", port=server.port, **changes)
    return Smtp(config, tls=certificates.client)
