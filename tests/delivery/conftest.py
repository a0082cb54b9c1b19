"""People, emails and servers for the tests of this room."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme

from delivery import Email

# The servers are programs of their own in tests/support; tests/ holds no packages to import them from.
sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from sendgrid_fake import SendGridFake
from smtp_fake import SmtpFake


def email_to_ana(**changes: Any) -> Email:
    """The eve of Ana's interview in Berlin, with everything an email of a list has."""
    values: dict[str, Any] = {
        "reference": "Ana0123456789abcdefXYZ",
        "attempt": 1,
        "sender": "hello@runup.example.com",
        "sender_name": "runup",
        "recipient": "ana@example.com",
        "recipient_name": "Ana Müller",
        "reply_to": "people@runup.example.com",
        "subject": "Tomorrow at 10:00: your second interview — good luck",
        "html": "<p>Good luck, Ana! Grüße</p>",
        "text": "Good luck, Ana! Grüße\n.\nrunup\n",
        "date": datetime(2026, 3, 1, 17, 0, tzinfo=UTC),
        "unsubscribe_url": "https://runup.example.com/unsubscribe/token",
        "list_id": "second-interview.runup.example.com",
        "categories": ("second_interview", "eve"),
    }
    return Email(**(values | changes))


@pytest.fixture
def to_ana() -> Callable[..., Email]:
    return email_to_ana


@pytest.fixture
def sendgrid() -> Iterator[SendGridFake]:
    with SendGridFake() as fake:
        yield fake


@pytest.fixture
def smtp_server() -> Iterator[SmtpFake]:
    with SmtpFake() as fake:
        yield fake


@dataclass(frozen=True)
class Certificates:
    """A certificate authority that only `client` trusts; each server proves to be what its name says."""

    localhost: ssl.SSLContext
    another_host: ssl.SSLContext
    client: ssl.SSLContext


@pytest.fixture(scope="session")
def certificates() -> Certificates:
    authority = trustme.CA()
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return Certificates(
        _server_context(authority, "localhost"), _server_context(authority, "another.example.com"), client
    )


def _server_context(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    return context
