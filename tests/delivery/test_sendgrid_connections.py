"""Connections to SendGrid: kept, shared by threads, verified, and never used when we would have to guess."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from sendgrid_fake import SendGridFake
from sendgrid_faults import ACCEPT_THEN_CLOSE, answer

from delivery import Email, NotSent, Provider, SendGridConfig, open_provider
from delivery.providers.sendgrid import SendGrid

if TYPE_CHECKING:
    from conftest import Certificates

MakeEmail: TypeAlias = Callable[..., Email]
KEY = "SG.a-key-of-the-tests.0123456789"


@pytest.fixture
def provider(sendgrid: SendGridFake) -> Iterator[Provider]:
    opened = open_provider(SendGridConfig(api_key=KEY, host=sendgrid.url))
    yield opened
    opened.close()


def test_a_hundred_emails_take_one_connection(
    provider: Provider, sendgrid: SendGridFake, to_ana: MakeEmail
) -> None:
    for attempt in range(1, 101):
        provider.deliver(to_ana(attempt=attempt))
    assert (sendgrid.connections, len(sendgrid.accepted)) == (1, 100)


def test_refusals_keep_the_connection_too(
    provider: Provider, sendgrid: SendGridFake, to_ana: MakeEmail
) -> None:
    sendgrid.fail_next(answer(429, {"Retry-After": "1"}), answer(400), answer(500))
    for attempt in range(1, 4):
        with pytest.raises(Exception, match="SendGrid answered"):
            provider.deliver(to_ana(attempt=attempt))
    provider.deliver(to_ana(attempt=4))
    assert sendgrid.connections == 1


def test_thirty_two_threads_send_every_email_once_on_thirty_two_connections(
    sendgrid: SendGridFake, provider: Provider, to_ana: MakeEmail
) -> None:
    sendgrid.latency = 0.005
    together = threading.Barrier(32)
    failures: list[BaseException] = []

    def run(person: int) -> None:
        try:
            together.wait(10)
            for attempt in range(1, 11):
                provider.deliver(to_ana(reference=f"person{person}", attempt=attempt))
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(person,)) for person in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    expected = sorted((f"person{person}", str(attempt)) for person in range(32) for attempt in range(1, 11))
    assert sorted((accept.mid, accept.att) for accept in sendgrid.accepted) == expected
    assert sendgrid.connections <= 32


def test_a_connection_that_the_server_closed_while_idle_is_not_used_again(
    provider: Provider, sendgrid: SendGridFake, to_ana: MakeEmail
) -> None:
    provider.deliver(to_ana(attempt=1))
    sendgrid.close_idle()
    assert provider.deliver(to_ana(attempt=2)).status == 202
    assert (sendgrid.connections, len(sendgrid.accepted)) == (2, 2)


def test_a_reply_that_announces_the_end_is_believed(
    provider: Provider, sendgrid: SendGridFake, to_ana: MakeEmail
) -> None:
    sendgrid.fail_next(answer(429, {"Connection": "close"}))
    with pytest.raises(NotSent):
        provider.deliver(to_ana())
    provider.deliver(to_ana())
    assert sendgrid.connections == 2


def test_a_server_that_closes_without_a_word_after_each_reply_costs_connections_not_emails(
    provider: Provider, sendgrid: SendGridFake, to_ana: MakeEmail
) -> None:
    for attempt in range(1, 6):
        sendgrid.fail_next(ACCEPT_THEN_CLOSE)
        provider.deliver(to_ana(attempt=attempt))
        sendgrid.close_idle()
    assert len(sendgrid.accepted) == 5


def test_after_close_no_connection_is_open(
    provider: Provider, sendgrid: SendGridFake, to_ana: MakeEmail
) -> None:
    provider.deliver(to_ana())
    provider.close()
    assert sendgrid.wait_until_closed()


def test_tls_is_spoken_and_the_certificate_verified(certificates: Certificates, to_ana: MakeEmail) -> None:
    with SendGridFake(tls=certificates.localhost) as fake:
        provider = SendGrid(SendGridConfig(api_key=KEY, host=fake.url), tls=certificates.client)
        for attempt in range(1, 4):
            provider.deliver(to_ana(attempt=attempt))
        provider.close()
        assert (fake.connections, len(fake.accepted)) == (1, 3)


def test_a_certificate_nobody_vouches_for_means_not_sent(
    certificates: Certificates, to_ana: MakeEmail
) -> None:
    with SendGridFake(tls=certificates.localhost) as fake:
        provider = open_provider(SendGridConfig(api_key=KEY, host=fake.url))
        with pytest.raises(NotSent, match="certificate verify failed"):
            provider.deliver(to_ana())
        assert fake.requests == []


def test_a_certificate_for_another_name_means_not_sent(certificates: Certificates, to_ana: MakeEmail) -> None:
    with SendGridFake(tls=certificates.another_host) as fake:
        provider = SendGrid(SendGridConfig(api_key=KEY, host=fake.url), tls=certificates.client)
        with pytest.raises(NotSent, match="Hostname mismatch"):
            provider.deliver(to_ana())
        assert fake.requests == []


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"api_key": ""}, "RUNUP_SENDGRID_API_KEY is missing"),
        ({"api_key": "hunter2-very-secret"}, "RUNUP_SENDGRID_API_KEY is not a SendGrid key"),
        ({"api_key": "SG.hunter2-very-secret\n"}, "hold no spaces"),
        ({"api_key": "SG.hunter2-very-secret\r\nX-Evil: 1"}, "hold no spaces"),
        ({"api_key": "SG.hunter2-very-secrét"}, "RUNUP_SENDGRID_API_KEY"),
        ({"api_key": KEY, "region": "us"}, "RUNUP_SENDGRID_REGION is 'us': use global or eu"),
        ({"api_key": KEY, "host": "http://api.example.com"}, "RUNUP_SENDGRID_HOST must start with https://"),
        ({"api_key": KEY, "host": "api.example.com"}, "RUNUP_SENDGRID_HOST is 'api.example.com'"),
        ({"api_key": KEY, "host": "https://api.example.com/v3"}, "RUNUP_SENDGRID_HOST"),
        ({"api_key": KEY, "host": "https://me@api.example.com"}, "RUNUP_SENDGRID_HOST"),
    ],
)
def test_a_wrong_setting_is_named_and_the_key_is_not(values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as refusal:
        SendGridConfig(**values)
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize(("region", "host"), [("global", "api.sendgrid.com"), ("eu", "api.eu.sendgrid.com")])
def test_each_region_has_its_address(region: str, host: str) -> None:
    from delivery.providers.sendgrid_client import open_client

    client = open_client(KEY, region=region, host="", timeout=1, tls=None)
    assert client.mail.send._build_url(None) == f"https://{host}/v3/mail/send"
