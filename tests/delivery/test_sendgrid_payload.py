"""Our request is one that SendGrid's published API takes, and the fake refuses what SendGrid refuses."""

from __future__ import annotations

import copy
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import sendgrid_fake
from hypothesis import given
from hypothesis import strategies as st
from sendgrid_fake import SendGridFake
from sendgrid_rules import Refused, check_body

from delivery import Email, Rejected, SendGridConfig, open_provider
from delivery.providers.sendgrid_payload import payload, request_body

MakeEmail: TypeAlias = Callable[..., Email]
KEY = "SG.a-key-of-the-tests.0123456789"

header_text = st.text(
    st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\u2028\u2029"), max_size=300
)
body_text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=1000)


def test_what_arrives_is_what_ana_is_to_read(sendgrid: SendGridFake, to_ana: MakeEmail) -> None:
    provider = open_provider(SendGridConfig(api_key=KEY, host=sendgrid.url))
    provider.deliver(to_ana())
    provider.close()
    (body,) = sendgrid.bodies
    assert body == {
        "personalizations": [
            {
                "to": [{"email": "ana@example.com", "name": "Ana Müller"}],
                "custom_args": {"mid": to_ana().reference, "att": "1"},
            }
        ],
        "from": {"email": "hello@runup.example.com", "name": "runup"},
        "reply_to": {"email": "people@runup.example.com"},
        "subject": to_ana().subject,
        "content": [
            {"type": "text/plain", "value": to_ana().text},
            {"type": "text/html", "value": to_ana().html},
        ],
        "headers": {
            "Auto-Submitted": "auto-generated",
            "List-Id": "<second-interview.runup.example.com>",
            "Precedence": "bulk",
            "List-Unsubscribe": "<https://runup.example.com/unsubscribe/token>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "Feedback-ID": "eve:second_interview:runup",
        },
        "categories": ["second_interview", "eve"],
        "tracking_settings": {
            "click_tracking": {"enable": False, "enable_text": False},
            "open_tracking": {"enable": False},
            "subscription_tracking": {"enable": False},
            "ganalytics": {"enable": False},
        },
    }
    ((method, path, headers),) = sendgrid.requests
    assert (method, path) == ("POST", "/v3/mail/send")
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"].startswith("sendgrid/6.")


@given(subject=header_text.filter(bool), name=header_text, text=body_text, html=body_text)
def test_whatever_people_are_called_and_we_write_the_api_takes_it(
    subject: str, name: str, text: str, html: str
) -> None:
    email = Email(
        reference="Ana0123456789abcdefXYZ",
        attempt=1,
        sender="hello@runup.example.com",
        sender_name=name,
        recipient="ana@example.com",
        recipient_name=name,
        subject=subject,
        text=text,
        html=html,
        date=datetime(2026, 3, 1, tzinfo=UTC),
        categories=("a", "a", *(f"category {number}" for number in range(20))),
    )
    body = check_body(bytes(request_body(email)))
    assert (body["subject"], body["content"][0]["value"], body["content"][1]["value"]) == (
        subject,
        text,
        html,
    )


def test_text_alone_and_html_alone_are_taken_and_neither_is_rejected(to_ana: MakeEmail) -> None:
    assert [part["type"] for part in payload(to_ana(html=""))["content"]] == ["text/plain"]
    assert [part["type"] for part in payload(to_ana(text=""))["content"]] == ["text/html"]
    with pytest.raises(Rejected, match="neither text nor html"):
        payload(to_ana(text="", html=""))


def test_half_a_character_is_rejected_without_a_call(sendgrid: SendGridFake, to_ana: MakeEmail) -> None:
    provider = open_provider(SendGridConfig(api_key=KEY, host=sendgrid.url))
    with pytest.raises(Rejected, match="half a character"):
        provider.deliver(to_ana(html="\ud83d"))
    assert sendgrid.connections == 0


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (["personalizations"], [], "personalizations"),
        (["personalizations"], [{"to": [{"email": "a@example.com"}]}] * 1001, "personalizations"),
        (["personalizations", 0, "to"], [], "personalizations.0.to"),
        (["personalizations", 0, "to", 0, "email"], "a@b..com", "personalizations.0.to.0.email"),
        (
            ["personalizations", 0, "to", 0, "email"],
            "a@b.com\r\nBcc: x@y.com",
            "personalizations.0.to.0.email",
        ),
        (["personalizations", 0, "to", 0, "name"], "Müller, Ana", "personalizations.0.to.0.name"),
        (["personalizations", 0, "to", 0, "surname"], "Müller", "personalizations.0.to.0"),
        (["personalizations", 0, "custom_args", "att"], 1, "personalizations.0.custom_args"),
        (["personalizations", 0, "custom_args", "mid"], "x" * 10_000, "personalizations.0.custom_args"),
        (["personalizations", 0, "reply_to"], {"email": "a@example.com"}, "personalizations.0.reply_to"),
        (["from"], None, "from"),
        (["from", "email"], "añá@example.com", "from.email"),
        (["subject"], "", "subject"),
        (["content"], [], "content"),
        (["content", 0, "value"], "", "content.0.value"),
        (["content"], [{"type": "text/html", "value": "h"}, {"type": "text/plain", "value": "t"}], "content"),
        (["headers", "reply-to"], "a@example.com", "headers.reply-to"),
        (["headers", "X-Note"], "a\r\nBcc: x@y.com", "headers.X-Note"),
        (["headers", "X-Note"], "grün", "headers.X-Note"),
        (["categories"], ["a", "a"], "categories"),
        (["categories"], [str(number) for number in range(11)], "categories"),
        (["categories"], ["x" * 256], "categories"),
        (["tracking_settings", "open_tracking"], {"enable": "no"}, "tracking_settings.open_tracking"),
        (["bcc"], [{"email": "a@example.com"}], "bcc"),
    ],
)
def test_the_fake_refuses_what_sendgrid_refuses(
    to_ana: MakeEmail, path: list[str | int], value: Any, field: str
) -> None:
    body = copy.deepcopy(payload(to_ana()))
    place: Any = body
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(Refused) as refusal:
        check_body(json.dumps(body).encode())
    assert refusal.value.status == 400
    assert refusal.value.errors[0]["field"] == field


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null", b"\xff"])
def test_the_fake_refuses_what_is_no_json_object(raw: bytes) -> None:
    with pytest.raises(Refused):
        check_body(raw)


def test_an_email_beyond_30_megabytes_is_refused_by_the_fake_as_by_sendgrid(
    sendgrid: SendGridFake, to_ana: MakeEmail
) -> None:
    provider = open_provider(SendGridConfig(api_key=KEY, host=sendgrid.url))
    with pytest.raises(Rejected, match="413: content too large"):
        provider.deliver(to_ana(html="x" * 31 * 1024 * 1024))
    provider.close()


def test_as_a_process_the_fake_has_each_email_on_the_disk_when_it_answers(
    tmp_path: Path, to_ana: MakeEmail
) -> None:
    log = tmp_path / "accepted.jsonl"
    command = [sys.executable, str(Path(sendgrid_fake.__file__)), "--log", str(log), "--latency", "1"]
    command += ["--fault", "rst-after-body=0.3", "--seed", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        provider = open_provider(SendGridConfig(api_key=KEY, host=process.stdout.readline().strip()))
        in_doubt = 0
        for attempt in range(1, 31):
            try:
                provider.deliver(to_ana(attempt=attempt))
            except Exception:
                in_doubt += 1
            logged = [json.loads(line) for line in log.read_text().splitlines()]
            assert [accept["att"] for accept in logged] == [str(number) for number in range(1, attempt + 1)]
        provider.close()
        os.kill(process.pid, signal.SIGTERM)
    assert process.returncode == 0
    assert 0 < in_doubt < 30
    assert logged[0]["mid"] == to_ana().reference
    assert set(logged[0]) == {"mid", "att", "to", "subject", "at", "message_id"}
