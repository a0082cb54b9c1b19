"""What each answer and failure of SendGrid proves: the table "Error classes", row by row, on real sockets."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TypeAlias

import pytest
from sendgrid_fake import SendGridFake
from sendgrid_faults import (
    ACCEPT_THEN_CLOSE,
    CUT_BODY_AFTER_202,
    CUT_STATUS_LINE,
    DRIP,
    FIN_AFTER_BODY,
    GARBAGE,
    HANG_AFTER_BODY,
    HANG_MID_BODY,
    RST_AFTER_BODY,
    RST_AT_ACCEPT,
    RST_MID_BODY,
    Fault,
    answer,
)

from delivery import (
    AccountRefused,
    DeliveryError,
    Email,
    NotSent,
    Provider,
    Rejected,
    SendGridConfig,
    Unknown,
)
from delivery.providers.sendgrid import SendGrid

MakeEmail: TypeAlias = Callable[..., Email]
KEY = "SG.a-key-of-the-tests.0123456789"


@pytest.fixture
def provider(sendgrid: SendGridFake) -> Iterator[Provider]:
    opened = SendGrid(SendGridConfig(api_key=KEY, host=sendgrid.url), timeout=5)
    yield opened
    opened.close()


@pytest.fixture
def hurried(sendgrid: SendGridFake) -> Iterator[Provider]:
    """With a second for a whole call instead of 20."""
    opened = SendGrid(SendGridConfig(api_key=KEY, host=sendgrid.url), timeout=1.0)
    yield opened
    opened.close()


def test_202_is_accepted_with_sendgrid_s_own_id(
    provider: Provider, sendgrid: SendGridFake, to_ana: MakeEmail
) -> None:
    accepted = provider.deliver(to_ana())
    (taken,) = sendgrid.accepted
    assert (accepted.status, accepted.message_id) == (202, taken.message_id)
    assert (taken.mid, taken.att, taken.to) == (to_ana().reference, "1", "ana@example.com")


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (answer(429), NotSent),
        (answer(429, {"Retry-After": "7"}), NotSent),
        (answer(503, {"Retry-After": "7"}), NotSent),
        (answer(400), Rejected),
        (answer(413), Rejected),
        (answer(415), Rejected),
        (answer(401), AccountRefused),
        (answer(403), AccountRefused),
        (answer(404), AccountRefused),
        (answer(405), AccountRefused),
        *[(answer(status), Unknown) for status in (200, 201, 204, 206, 301, 302, 303, 304, 307, 308)],
        *[(answer(status), Unknown) for status in (408, 418, 500, 501, 502, 503, 504, 520, 524, 599)],
    ],
    ids=lambda value: value.reply.split(b" ")[1].decode() if isinstance(value, Fault) else value.__name__,
)
def test_each_status_has_its_class(
    provider: Provider,
    sendgrid: SendGridFake,
    to_ana: MakeEmail,
    reply: Fault,
    expected: type[DeliveryError],
) -> None:
    sendgrid.fail_next(reply)
    with pytest.raises(DeliveryError) as failure:
        provider.deliver(to_ana())
    assert type(failure.value) is expected
    assert str(failure.value.status).encode() == reply.reply.split(b" ")[1]
    assert len(sendgrid.requests) == 1, "one call, never a second one by itself"
    assert provider.deliver(to_ana(attempt=2)).status == 202, "and the provider is as good as new"


@pytest.mark.parametrize(
    "fault",
    [
        RST_MID_BODY,
        RST_AFTER_BODY,
        FIN_AFTER_BODY,
        GARBAGE,
        CUT_STATUS_LINE,
        CUT_BODY_AFTER_202,
        Fault(how=GARBAGE.how, reply=b"HTTP/1.1 202 Accepted\r\n" + b"X: y\r\n" * 200),
        Fault(how=GARBAGE.how, reply=b"HTTP/1.1 202 Accepted\r\nX: " + b"y" * 70_000),
        Fault(how=GARBAGE.how, reply=b"HTTP/1.1 202 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        Fault(how=GARBAGE.how, reply=b"HTTP/1.1 abc Accepted\r\n\r\n"),
    ],
    ids=[
        "rst-mid-body",
        "rst-after-body",
        "fin-after-body",
        "garbage",
        "cut-status-line",
        "cut-body-after-202",
        "too-many-headers",
        "endless-header",
        "broken-chunks",
        "no-number",
    ],
)
def test_a_reply_that_is_lost_or_unreadable_leaves_us_in_doubt(
    provider: Provider, sendgrid: SendGridFake, to_ana: MakeEmail, fault: Fault
) -> None:
    sendgrid.fail_next(fault)
    with pytest.raises(Unknown):
        provider.deliver(to_ana())
    assert len(sendgrid.accepted) == (1 if fault.is_accepted else 0)
    assert provider.deliver(to_ana(attempt=2)).status == 202


def test_a_reset_at_accept_is_never_taken_for_more_than_it_proves(
    provider: Provider, sendgrid: SendGridFake, to_ana: MakeEmail
) -> None:
    # Whether the reset comes before or after our last byte has left is a race, and so is what it proves.
    sendgrid.fail_next(RST_AT_ACCEPT)
    with pytest.raises((NotSent, Unknown)):
        provider.deliver(to_ana())
    assert sendgrid.accepted == []


@pytest.mark.parametrize("fault", [HANG_AFTER_BODY, DRIP], ids=["hang-after-body", "dripping-reply"])
def test_the_whole_call_ends_in_time_and_in_doubt(
    hurried: Provider, sendgrid: SendGridFake, to_ana: MakeEmail, fault: Fault
) -> None:
    # The drip would take 0.05 s * 66 bytes; a timeout per byte would wait for all of them and then for ever.
    sendgrid.fail_next(fault)
    with pytest.raises(Unknown, match="TimeoutError"):
        hurried.deliver(to_ana())
    assert len(sendgrid.accepted) == 1


def test_a_server_that_stops_reading_has_not_got_the_email(
    hurried: Provider, sendgrid: SendGridFake, to_ana: MakeEmail
) -> None:
    sendgrid.fail_next(HANG_MID_BODY)
    with pytest.raises(NotSent, match="did not take the whole request: TimeoutError"):
        hurried.deliver(to_ana(html="x" * 25_000_000))


def test_a_reset_before_the_last_byte_has_left_is_not_sent(
    provider: Provider, sendgrid: SendGridFake, to_ana: MakeEmail
) -> None:
    # More than the kernel buffers: the send itself fails, and a request without its last byte is none.
    sendgrid.fail_next(RST_MID_BODY)
    with pytest.raises(NotSent, match="did not take the whole request"):
        provider.deliver(to_ana(html="x" * 25_000_000))


def test_a_refused_connection_is_not_sent(to_ana: MakeEmail) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    provider = SendGrid(SendGridConfig(api_key=KEY, host=f"http://127.0.0.1:{port}"))
    with pytest.raises(NotSent, match="ConnectionRefusedError"):
        provider.deliver(to_ana())


def test_a_name_that_cannot_be_looked_up_is_not_sent(to_ana: MakeEmail) -> None:
    # A label of 64 characters: refused before any name server is asked.
    provider = SendGrid(SendGridConfig(api_key=KEY, host=f"https://{'x' * 64}.invalid"))
    with pytest.raises(NotSent, match="cannot be looked up"):
        provider.deliver(to_ana())


def test_a_connection_that_is_never_taken_up_is_not_sent_in_time(to_ana: MakeEmail) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        # Linux lets one more than the backlog in; from then on connecting hangs.
        waiting = [socket.socket() for _ in range(3)]
        for client in waiting:
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        host = f"http://127.0.0.1:{full.getsockname()[1]}"
        provider = SendGrid(SendGridConfig(api_key=KEY, host=host), timeout=0.3)
        with pytest.raises(NotSent, match=r"TimeoutError|timed out"):
            provider.deliver(to_ana())
        for client in waiting:
            client.close()


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "Sun, 01 Mar 2026 17:02:00 GMT", "Date": "Sun, 01 Mar 2026 17:01:30 GMT"}, 30.0),
        ({"Retry-After": "Sun, 01 Mar 2026 17:02:00 GMT"}, 120.0),
        ({"X-RateLimit-Reset": str(int(datetime(2026, 3, 1, 17, 0, 45, tzinfo=UTC).timestamp()))}, 45.0),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
    ids=[
        "seconds",
        "date-against-the-reply-s-date",
        "date-against-ours",
        "rate-limit-reset",
        "nonsense",
        "none",
    ],
)
def test_sendgrid_s_wish_to_wait_is_passed_on(
    provider: Provider,
    sendgrid: SendGridFake,
    to_ana: MakeEmail,
    headers: dict[str, str],
    expected: float | None,
) -> None:
    sendgrid.fail_next(answer(429, headers))
    with pytest.raises(NotSent) as failure:
        provider.deliver(to_ana())
    assert failure.value.retry_after == expected


def test_what_sendgrid_says_is_passed_on_without_addresses_and_control_characters(
    provider: Provider, sendgrid: SendGridFake, to_ana: MakeEmail
) -> None:
    said = r"ana@example.com \u001b]0;x\u0007 is bad, SG.abc.def"
    body = f'{{"errors":[{{"message":"{said}","field":"to","help":null}}]}}'.encode()
    sendgrid.fail_next(answer(400, body=body))
    with pytest.raises(Rejected) as failure:
        provider.deliver(to_ana())
    assert str(failure.value) == "SendGrid answered 400: to: <address> ]0;x is bad, <key>"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"errors":[]}', b'{"errors":[7]}', b"\xff", b"[" * 60_000]
)
def test_a_body_that_is_not_sendgrid_s_is_no_trouble(
    provider: Provider, sendgrid: SendGridFake, to_ana: MakeEmail, body: bytes
) -> None:
    sendgrid.fail_next(answer(400, body=body))
    with pytest.raises(Rejected, match=r"SendGrid answered 400$"):
        provider.deliver(to_ana())


def test_of_an_endless_explanation_only_the_beginning_is_read(
    provider: Provider, sendgrid: SendGridFake, to_ana: MakeEmail
) -> None:
    sendgrid.fail_next(answer(401, body=b" " * 3_000_000))
    with pytest.raises(AccountRefused):
        provider.deliver(to_ana())
    assert provider.deliver(to_ana()).status == 202


def test_an_orderly_end_after_202_is_still_accepted(
    provider: Provider, sendgrid: SendGridFake, to_ana: MakeEmail
) -> None:
    sendgrid.fail_next(ACCEPT_THEN_CLOSE)
    assert provider.deliver(to_ana()).status == 202
