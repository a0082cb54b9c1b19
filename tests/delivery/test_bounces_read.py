"""What returned messages say, in the shapes that servers give them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from importlib.resources import files
from pathlib import Path

import pytest

from delivery.bounces import NoReport, read_returned
from delivery.bounces.blame import is_address_to_blame
from delivery.events import DeliveryEvent, EventType
from delivery.mime import as_bytes

BOUNCED, DEFERRED, DELIVERED = EventType.BOUNCED, EventType.DEFERRED, EventType.DELIVERED
RETURNED = Path(__file__).parent / "returned"
REFERENCE = "5e2c9a4417b04d1f8a63c0de9b7f1a20"
BOUNCE_ADDRESS = "bounces+{reference}@runup.example.com"
NOW = datetime(2026, 3, 9, 8, 0, tzinfo=UTC)


def file(name: str) -> bytes:
    return (RETURNED / f"{name}.eml").read_bytes()


def events_of(data: bytes, *, bounce_address: str = BOUNCE_ADDRESS) -> tuple[DeliveryEvent, ...]:
    return read_returned(data, bounce_address=bounce_address, now=NOW).events


def event_of(data: bytes, *, bounce_address: str = BOUNCE_ADDRESS) -> DeliveryEvent:
    (event,) = events_of(data, bounce_address=bounce_address)
    return event


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
@pytest.mark.parametrize(
    ("name", "kind", "is_permanent", "said"),
    [
        ("postfix-nobody", BOUNCED, True, "User unknown in virtual mailbox table"),
        ("postfix-no-domain", BOUNCED, True, "Host or domain name not found"),
        ("postfix-full", BOUNCED, False, "Mailbox is full"),
        ("postfix-spam", BOUNCED, False, "blocked using bl.example.net"),
        ("postfix-given-up", BOUNCED, False, "Connection timed out"),
        ("postfix-delayed", DEFERRED, False, "Connection timed out"),
        ("postfix-delivered", DELIVERED, False, "queued as 55D0A12"),
        ("exim-nobody", BOUNCED, True, "does not exist"),
        ("exim-old-nobody", BOUNCED, True, "550 unknown user"),
        ("gmail-nobody", BOUNCED, True, "The email account that you tried to reach"),
        ("exchange-nobody", BOUNCED, True, "RESOLVER.ADR.RecipientNotFound"),
        ("sendmail-nobody", BOUNCED, True, "User unknown"),
        ("qmail-nobody", BOUNCED, True, "no mailbox here by that name"),
        ("qmail-given-up", BOUNCED, False, "wasn't able to establish an SMTP connection"),
        ("gateway-full", BOUNCED, False, "mailbox over quota"),
        ("complaint", EventType.COMPLAINED, False, "abuse"),
    ],
)
def test_each_server_s_words_become_ours(
    name: str, kind: EventType, is_permanent: bool, said: str, ending: bytes
) -> None:
    event = event_of(file(name).replace(b"\n", ending))
    assert (event.type, event.is_permanent) == (kind, is_permanent)
    assert (event.reference, event.attempt, event.address) == (REFERENCE, 2, "ana@example.com")
    assert said in event.detail
    assert "@" not in event.detail
    assert datetime(2026, 3, 1, 17, tzinfo=UTC) <= event.occurred_at < NOW


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("holiday", NoReport.AUTO_REPLY),
        ("out-of-office", NoReport.AUTO_REPLY),
        ("read-receipt", NoReport.AUTO_REPLY),
        ("letter", NoReport.UNCLEAR),
        ("junk", NoReport.FOREIGN),
    ],
)
def test_what_is_no_bounce_is_not_taken_for_one(name: str, why: NoReport) -> None:
    reading = read_returned(file(name), bounce_address=BOUNCE_ADDRESS, now=NOW)
    assert (reading.why_none, reading.events) == (why, ())


def test_the_same_message_read_twice_is_the_same_event() -> None:
    first, again = event_of(file("postfix-nobody")), event_of(file("postfix-nobody"))
    moved = event_of(b"X-Spam-Status: No\n" + file("postfix-nobody"))
    assert first.id == again.id == moved.id
    assert len(first.id) <= 100


def test_every_message_is_an_event_of_its_own() -> None:
    names = [path.stem for path in RETURNED.glob("*.eml")]
    ids = [event.id for name in names for event in events_of(file(name))]
    assert len(ids) == len(set(ids)) == 16


def test_an_event_without_a_message_id_is_known_by_its_bytes() -> None:
    assert event_of(file("qmail-nobody")).id == event_of(file("qmail-nobody")).id
    assert event_of(file("qmail-nobody")).id != event_of(file("qmail-nobody") + b"\n").id


def test_headers_returned_are_enough_where_bounces_go_to_one_address() -> None:
    data = file("postfix-nobody").replace(b"bounces+" + REFERENCE.encode() + b".2@", b"bounces@")
    event = event_of(data, bounce_address="")
    assert (event.reference, event.attempt) == (REFERENCE, 2)


def test_our_own_line_is_enough_where_a_relay_writes_a_message_id_of_its_own() -> None:
    data = file("gmail-nobody").replace(b"bounces+" + REFERENCE.encode() + b".2@", b"bounces@")
    data = data.replace(b"Message-ID: <" + REFERENCE.encode() + b".2@", b"Message-ID: <010701-abc-000000@")
    event = event_of(data, bounce_address="bounces@runup.example.com")
    assert (event.reference, event.attempt) == (REFERENCE, 2)


def test_the_address_it_came_to_is_enough_where_no_headers_are_returned() -> None:
    data = file("postfix-nobody").partition(b"Content-Description: Undelivered Message")[0]
    event = event_of(data)
    assert (event.reference, event.attempt, event.address) == (REFERENCE, 2, "ana@example.com")


def test_the_envelope_s_own_name_is_enough_where_everything_else_is_left_out() -> None:
    data = file("postfix-nobody").partition(b"Content-Description: Undelivered Message")[0]
    data = data.replace(b"bounces+" + REFERENCE.encode() + b".2@", b"bounces@")
    assert events_of(data) == ()
    named = f"Original-Envelope-Id: {REFERENCE}.2\nReporting-MTA:".encode()
    event = event_of(data.replace(b"Reporting-MTA:", named))
    assert (event.reference, event.attempt, event.address) == (REFERENCE, 2, "ana@example.com")


def test_returned_headers_are_found_in_base64_too() -> None:
    from base64 import encodebytes

    data = file("postfix-nobody").replace(b"bounces+" + REFERENCE.encode() + b".2@", b"bounces@")
    head, _, rest = data.partition(b"Content-Type: message/rfc822\nContent-Transfer-Encoding: 8bit\n\n")
    original, end, _ = rest.partition(b"\n--7B3A040A20")
    packed = b"Content-Type: text/rfc822-headers\nContent-Transfer-Encoding: base64\n\n" + encodebytes(
        original
    )
    event = event_of(head + packed + end + b".1772384405/mail.runup.example.com--\n")
    assert (event.reference, event.attempt, event.address) == (REFERENCE, 2, "ana@example.com")


def test_a_server_that_writes_our_address_in_capitals_is_put_right_by_the_headers() -> None:
    data = file("sendmail-nobody").replace(
        REFERENCE.encode() + b".2@runup", REFERENCE.upper().encode() + b".2@RUNUP", 1
    )
    assert event_of(data).reference == REFERENCE


def test_the_address_it_came_to_wins_over_somebody_else_s_headers() -> None:
    other = b"f" * 32
    data = file("postfix-nobody").replace(b"<" + REFERENCE.encode(), b"<" + other)
    data = data.replace(b"X-Runup-Reference: " + REFERENCE.encode(), b"X-Runup-Reference: " + other)
    event = event_of(data)
    assert (event.reference, event.address) == (REFERENCE, "ana@example.com")


@pytest.mark.parametrize(
    "line",
    [
        "To: bounces+{0}.2@runup.example.com.evil.example",
        "To: xbounces+{0}.2@runup.example.com",
        "To: bounces+{0}@runup.example.com",
        "To: bounces+{0}x.2@runup.example.com",
        "Subject: bounces+{0}.2@runup.example.com",
        "References: <{0}.2@runup.example.com>",
    ],
)
def test_only_our_address_in_a_header_of_the_envelope_counts(line: str) -> None:
    data = f"From: mailer-daemon@example.com\n{line.format(REFERENCE)}\n\n<ana@example.com>: gone".encode()
    assert read_returned(data, bounce_address=BOUNCE_ADDRESS, now=NOW).why_none is NoReport.FOREIGN


def test_a_forwarded_email_s_bounce_is_about_the_one_we_wrote_to() -> None:
    data = file("postfix-nobody").replace(b"Original-Recipient: rfc822;ana@example.com\n", b"")
    data = data.replace(
        b"Final-Recipient: rfc822; ana@example.com", b"Final-Recipient: rfc822; ana@private.example.org"
    )
    assert event_of(data).address == "ana@example.com"


def test_a_bounce_that_names_a_stranger_keeps_the_stranger_s_address() -> None:
    # Whoever applies it compares that with the address of the email, and lets the stranger be.
    data = file("postfix-nobody").partition(b"Content-Description: Undelivered Message")[0]
    assert event_of(data.replace(b"ana@example.com", b"sam@example.com")).address == "sam@example.com"


def test_an_address_that_stands_for_two_is_not_blamed_for_one_of_them() -> None:
    status = b"Final-Recipient: rfc822; kiri@example.com\nAction: relayed\nStatus: 2.1.5\n\nFinal-Recipient:"
    events = events_of(file("postfix-nobody").replace(b"Final-Recipient:", status, 1))
    assert [(event.type, event.is_permanent) for event in events] == [(DELIVERED, False), (BOUNCED, False)]


def test_an_international_address_is_written_out() -> None:
    data = file("postfix-nobody").partition(b"Content-Description: Undelivered Message")[0]
    data = data.replace(b"Original-Recipient: rfc822;ana@example.com\n", b"")
    data = data.replace(b"rfc822; ana@example.com", rb"utf-8; a\x{F1}a@example.com")
    assert event_of(data).address == "aña@example.com"


def test_a_report_in_base64_is_read_although_the_standard_forbids_it() -> None:
    from base64 import encodebytes

    head, mark, rest = file("postfix-full").partition(b"Content-Type: message/delivery-status\n\n")
    status, end, rest = rest.partition(b"\n--7B3A040A20")
    packed = mark[:-1] + b"Content-Transfer-Encoding: base64\n\n" + encodebytes(status) + end + rest
    event = event_of(head + packed)
    assert (event.type, event.is_permanent, "Mailbox is full" in event.detail) == (BOUNCED, False, True)


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure", "virus"])
def test_a_feedback_report_that_is_no_complaint_is_none(kind: str) -> None:
    data = file("complaint").replace(b"Feedback-Type: abuse", f"Feedback-Type: {kind}".encode())
    assert read_returned(data, bounce_address=BOUNCE_ADDRESS, now=NOW).why_none is NoReport.UNCLEAR


def test_a_complaint_that_hides_the_reader_is_told_by_our_own_headers() -> None:
    data = file("complaint").replace(
        b"Original-Rcpt-To: <ana@example.com>", b"Original-Rcpt-To: <redacted@example.com>"
    )
    assert event_of(data).address == "ana@example.com"
    data = data.replace(b"<ana@example.com>\n", b"<redacted>\n")
    assert event_of(data).address == ""


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Mon, 09 Mar 2026 07:59:00 +0000", NOW - timedelta(minutes=1)),
        ("Mon, 09 Mar 2026 09:00:00 +0000", NOW),
        ("Thu, 01 Jan 1970 00:00:00 +0000", NOW),
        ("the day after tomorrow", NOW),
        ("Mon, 09 Mar 99999999999 07:59:00 +0000", NOW),
        ("Sun, 01 Mar 2026 18:00:05 -0000", datetime(2026, 3, 1, 18, 0, 5, tzinfo=UTC)),
    ],
)
def test_a_server_s_wrong_clock_does_not_become_ours(date: str, expected: datetime) -> None:
    data = file("postfix-nobody").replace(
        b"Date: Sun,  1 Mar 2026 18:00:05 +0100 (CET)", f"Date: {date}".encode()
    )
    assert event_of(data).occurred_at == expected


def test_our_own_email_names_itself_when_it_is_returned(to_ana: Callable[..., object]) -> None:
    """The emails as they leave carry what this room reads."""
    from delivery import Email

    email = to_ana(reference=REFERENCE, attempt=3)
    assert isinstance(email, Email)
    returned = as_bytes(email)
    assert message_from_bytes(returned, policy=policy.default)["X-Runup-Reference"] == f"{REFERENCE}.3"
    head, _, _ = file("qmail-nobody").partition(b"Return-Path: <bounces+")
    event = event_of(head.replace(b"\n", b"\r\n") + returned)
    assert (event.reference, event.attempt, event.address) == (REFERENCE, 3, "ana@example.com")


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        ("5.1.1", "550 no such user", True),
        ("5.1.2", "550 bad destination system", True),
        ("5.2.1", "550 mailbox disabled, not accepting messages", True),
        ("5.0.0", "550 5.1.1 user unknown", True),
        ("5.0.0", "550 Mailbox unavailable", True),
        ("5.4.1", "550 5.4.1 Recipient address rejected: Access denied", True),
        ("", "553 sorry, this recipient is not known here", True),
        ("5.1.1", "550 5.1.1 mailbox over quota", False),
        ("5.2.2", "552 5.2.2 mailbox full", False),
        ("4.2.2", "452 4.2.2 mailbox full", False),
        ("4.1.1", "450 4.1.1 unverified address", False),
        ("5.1.8", "553 5.1.8 domain of sender address does not exist", False),
        ("5.3.4", "552 5.3.4 message too big", False),
        ("5.7.1", "550 5.7.1 message contains spam", False),
        ("5.0.0", "550 user unknown, or blocked by our policy", False),
        ("5.0.0", "554 delivery error", False),
        ("5.4.6", "554 5.4.6 routing loop", False),
        ("", "", False),
        ("not a status", "nothing to say", False),
    ],
)
def test_an_address_is_blamed_only_for_what_is_its_own_fault(status: str, said: str, expected: bool) -> None:
    assert is_address_to_blame(status, said) is expected


def test_a_hundred_old_bounces_of_many_servers_are_recognized() -> None:
    """The library's own collection, come back to an address of ours."""
    corpus = [path for path in (files("flufl.bounce.tests") / "data").iterdir() if path.name.endswith(".txt")]
    kinds = []
    for path in corpus:
        data = path.read_bytes()
        data = data.partition(b"\n")[2] if data.startswith(b"From ") else data
        data = f"X-Original-To: bounces+{REFERENCE}.1@runup.example.com\n".encode() + data
        reading = read_returned(data, bounce_address=BOUNCE_ADDRESS, now=NOW)
        assert all(event.reference == REFERENCE for event in reading.events), path.name
        kinds.append(reading.why_none)
    assert len(corpus) > 100
    assert kinds.count(None) >= 0.9 * len(corpus)
    assert NoReport.MALFORMED not in kinds
