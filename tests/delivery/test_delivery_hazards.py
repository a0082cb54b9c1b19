"""The hazards H1 to H7 of the libraries we stand on, each kept from coming back."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, TypeAlias

import pytest
from sendgrid_fake import SendGridFake
from sendgrid_faults import HANG_AFTER_BODY, Fault, answer

from delivery import (
    AccountRefused,
    DeliveryError,
    Email,
    Provider,
    Rejected,
    SendGridConfig,
    SmtpConfig,
    Unknown,
)
from delivery.providers.sendgrid import SendGrid
from delivery.providers.sendgrid_payload import payload

MakeEmail: TypeAlias = Callable[..., Email]
KEY = "SG.a-key-of-the-tests.0123456789"


@pytest.fixture
def provider(sendgrid: SendGridFake) -> Iterator[Provider]:
    opened = SendGrid(SendGridConfig(api_key=KEY, host=sendgrid.url), timeout=1.0)
    yield opened
    opened.close()


def test_h1_a_server_that_never_answers_does_not_hold_us(
    provider: Provider, sendgrid: SendGridFake, to_ana: MakeEmail
) -> None:
    sendgrid.fail_next(HANG_AFTER_BODY)
    with pytest.raises(Unknown):
        provider.deliver(to_ana())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_h2_no_redirect_is_followed_and_its_target_never_sees_the_key(
    provider: Provider, sendgrid: SendGridFake, to_ana: MakeEmail, status: int
) -> None:
    with SendGridFake() as elsewhere:
        sendgrid.fail_next(answer(status, {"Location": f"{elsewhere.url}/v3/mail/send"}))
        with pytest.raises(Unknown) as failure:
            provider.deliver(to_ana())
        assert failure.value.status == status
        assert (elsewhere.connections, elsewhere.requests) == (0, [])


def test_h3_a_proxy_s_200_is_no_success(
    provider: Provider, sendgrid: SendGridFake, to_ana: MakeEmail
) -> None:
    sendgrid.fail_next(answer(200, body=b"<html>Welcome to the hotel</html>"))
    with pytest.raises(Unknown):
        provider.deliver(to_ana())


@pytest.mark.parametrize("fault", [None, answer(400), answer(401), HANG_AFTER_BODY])
def test_h4_neither_the_key_nor_a_recipient_is_logged_or_shown(
    provider: Provider,
    sendgrid: SendGridFake,
    to_ana: MakeEmail,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    fault: Fault | None,
) -> None:
    assert logging.getLogger("python_http_client").level == logging.WARNING
    # Even when somebody turns it all on afterwards.
    for name in ("", "python_http_client", "python_http_client.client", "http.client", "sendgrid"):
        caplog.set_level(logging.DEBUG, logger=name)
    shown = [repr(provider), repr(SendGridConfig(api_key=KEY)), repr(to_ana())]
    if fault is not None:
        sendgrid.fail_next(fault)
    try:
        provider.deliver(to_ana())
    except DeliveryError as failure:
        shown += [repr(failure), *with_locals(failure)]
    shown += [record.getMessage() for record in caplog.records]
    shown += [*capfd.readouterr()]
    assert KEY not in "\n".join(shown)
    assert "ana@example.com" not in "\n".join(shown)


def test_h4_the_password_of_the_smtp_server_is_not_shown() -> None:
    config = SmtpConfig(host="smtp.example.com", username="runup", password="correct horse")
    assert "correct horse" not in repr(config) + repr(config.open())


def test_h5_proxies_of_the_environment_are_not_used(
    sendgrid: SendGridFake, to_ana: MakeEmail, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SendGridFake() as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        provider = SendGrid(SendGridConfig(api_key=KEY, host=sendgrid.url))
        provider.deliver(to_ana())
        provider.close()
        assert (proxy.connections, len(sendgrid.accepted)) == (0, 1)


@pytest.mark.parametrize(
    "recipient",
    [
        "attacker@evil.example]<bob@example.org>",
        "a@b.example,c@d.example",
        "a b@example.com",
        "a@b..example",
        "x" * 400 + "@example.com",
    ],
)
def test_h6_an_address_that_could_be_read_twice_reaches_nobody(
    provider: Provider, sendgrid: SendGridFake, to_ana: MakeEmail, recipient: str
) -> None:
    with pytest.raises(Rejected, match="recipient is not one plain email address"):
        provider.deliver(to_ana(recipient=recipient))
    assert sendgrid.requests == []


def test_h6_the_payload_is_for_the_stored_address_and_nobody_else(to_ana: MakeEmail) -> None:
    body = payload(to_ana(recipient="o'neil+interview@example.com"))
    assert [person["to"] for person in body["personalizations"]] == [
        [{"email": "o'neil+interview@example.com", "name": "Ana Müller"}]
    ]
    assert "cc" not in str(body["personalizations"][0].keys())


@pytest.mark.parametrize(
    "field",
    [
        "subject",
        "recipient",
        "recipient_name",
        "sender",
        "sender_name",
        "reply_to",
        "list_id",
        "unsubscribe_url",
    ],
)
@pytest.mark.parametrize("control", ["\r\n", "\n", "\r", "\x00", "\x85", "\u2028"])
def test_h7_no_control_character_reaches_a_header(field: str, control: str) -> None:
    values: dict[str, Any] = dict.fromkeys(
        ("sender", "recipient", "sender_name", "subject"), "ana@example.com"
    )
    values[field] = f"Hello{control}Bcc: evil@example.org"
    with pytest.raises(ValueError, match=f"{field} holds a control character"):
        Email(reference="r", attempt=1, html="h", text="t", date=datetime(2026, 3, 1, tzinfo=UTC), **values)


def test_a_wrong_key_is_the_account_s_trouble(to_ana: MakeEmail) -> None:
    with SendGridFake(api_key="SG.another") as fake:
        provider = SendGrid(SendGridConfig(api_key=KEY, host=fake.url))
        with pytest.raises(
            AccountRefused, match="401: The provided authorization grant is invalid"
        ) as failure:
            provider.deliver(to_ana())
        provider.close()
        assert KEY not in str(failure.value)


def with_locals(failure: BaseException) -> Iterator[str]:
    """Tracebacks as reporters print them, with the local variables of our own frames."""
    chain: BaseException | None = failure
    while chain is not None:
        for frame in traceback.StackSummary.extract(
            traceback.walk_tb(chain.__traceback__), capture_locals=True
        ):
            if "/delivery/" in frame.filename and "/tests/" not in frame.filename:
                yield str(frame.locals)
        chain = chain.__cause__ or chain.__context__
