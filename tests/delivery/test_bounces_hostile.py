"""Anybody can write to that mailbox: nothing raises, nothing takes long, each is counted for what it is."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delivery.bounces import LARGEST, NoReport, Reading, read_returned
from delivery.events import EventType

REFERENCE = "5e2c9a4417b04d1f8a63c0de9b7f1a20"
BOUNCE_ADDRESS = "bounces+{reference}@runup.example.com"
NOW = datetime(2026, 3, 9, 8, 0, tzinfo=UTC)
TO_US = f"To: bounces+{REFERENCE}.2@runup.example.com\n".encode()
FROM_A_SERVER = b"From: mailer-daemon@example.com\n\n"
OPENING = b"A message that you sent could not be delivered\n"
BOUNCE = (Path(__file__).parent / "returned" / "postfix-nobody.eml").read_bytes()
SLOW = 3.0
"""Seconds of processor time that one message may take; the usual is 0.002."""


def read(data: bytes) -> Reading:
    return read_returned(data, bounce_address=BOUNCE_ADDRESS, now=NOW)


def nested(kind: str, levels: int) -> bytes:
    if kind == "message":
        return b"".join(b"Content-Type: message/rfc822\n\n" for _ in range(levels)) + b"end"
    opened = b"".join(
        b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (n, n) for n in range(levels)
    )
    return opened + b"x\n" * 300_000


def within(limit: int, data: bytes) -> bytes:
    return data[: limit - 1]


HOSTILE = {
    "nothing": (b"", NoReport.MALFORMED),
    "line ends": (b"\r\n" * 1000, NoReport.MALFORMED),
    "zeros": (b"\0" * 100_000, NoReport.MALFORMED),
    "every byte": (bytes(range(256)) * 1000, NoReport.MALFORMED),
    "no header": (b"hello there\n\nbody", NoReport.MALFORMED),
    "too large by a byte": (TO_US + b"\n" + b"x" * (LARGEST - len(TO_US)), NoReport.TOO_LARGE),
    "fifty megabytes": (b"x" * 50_000_000, NoReport.TOO_LARGE),
    "multipart in multipart": (within(LARGEST, TO_US + nested("multipart", 900)), NoReport.MALFORMED),
    "message in message": (within(LARGEST, TO_US + nested("message", 20_000)), NoReport.MALFORMED),
    "boundaries by other spellings": (
        within(LARGEST, TO_US + nested("multipart", 900).replace(b"boundary=", b"bOUNdary =")),
        NoReport.MALFORMED,
    ),
    "a multipart that never begins": (
        TO_US + b"Content-Type: multipart/report; boundary=x\n\n",
        NoReport.UNCLEAR,
    ),
    "a report that is cut off": (BOUNCE[:1500], NoReport.UNCLEAR),
    "a megabyte of headers": (within(LARGEST, TO_US + b"X: y\n" * 250_000), NoReport.UNCLEAR),
    "a megabyte in one header": (
        within(LARGEST, TO_US + b"Subject: " + b"=?utf-8?b?" * 99_000),
        NoReport.UNCLEAR,
    ),
    "a megabyte in one address": (
        within(LARGEST, b"From: " + b"(" * 900_000 + b"\n" + TO_US + b"\n"),
        NoReport.MALFORMED,
    ),
    "a line as long as the message": (
        within(LARGEST, TO_US + FROM_A_SERVER + OPENING + b"a" * 900_000),
        NoReport.UNCLEAR,
    ),
    "half encoded words": (
        TO_US + b"Subject: =?utf-8?b?4oCU?= =?x?q?=?= =?utf-8?b?!!!?=\n\nhi",
        NoReport.UNCLEAR,
    ),
    "an unknown character set": (
        TO_US + b'Content-Type: text/plain; charset="no-such-set"\n\n\xff\xfe',
        NoReport.UNCLEAR,
    ),
    "a complaint about nothing": (
        TO_US + b"Content-Type: message/feedback-report\n\nHello: there\n",
        NoReport.MALFORMED,
    ),
    "nobody's spam": (b"From: x@example.org\nTo: bounces@runup.example.com\n\nBuy!", NoReport.FOREIGN),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_messages_are_counted_as_what_they_are_at_once(name: str) -> None:
    data, expected = HOSTILE[name]
    started = time.process_time()
    reading = read(data)
    assert time.process_time() - started < SLOW
    assert (reading.why_none, reading.events) == (expected, ())


def test_a_report_about_thousands_is_read_in_part() -> None:
    block = b"Final-Recipient: rfc822; person%d@example.com\nAction: failed\nStatus: 5.1.1\n\n"
    many = b"".join(block % number for number in range(10_000))
    head = BOUNCE.partition(b"Final-Recipient:")[0]
    started = time.process_time()
    events = read(head + many).events
    assert time.process_time() - started < SLOW
    assert 1 <= len(events) <= 50


def test_patterns_that_feed_on_long_lines_get_short_ones() -> None:
    """Every opening sentence the library knows, each before a line that its pattern walks again and again."""
    from flufl.bounce._detectors.simplematch import PATTERNS

    opening = b"\n".join(
        start.pattern.replace("\\", "").encode() + b"\n" + b"<" * 150 + b"a" * 149 for start, _, _ in PATTERNS
    )
    started = time.process_time()
    read(within(LARGEST, TO_US + FROM_A_SERVER + (opening + b"\n") * 60))
    assert time.process_time() - started < SLOW


def test_what_a_server_says_reaches_no_terminal_and_no_log_as_it_is() -> None:
    data = BOUNCE.replace(
        b"smtp; 550 5.1.1", b"smtp; \x1b]0;gone\x07 \xe2\x80\xae SG.secret-key ana@example.com\x00 550 5.1.1"
    )
    (event,) = read(data).events
    assert event.detail.isascii()
    assert event.detail.isprintable()
    assert "ana@" not in event.detail
    assert "SG.secret" not in event.detail
    assert len(event.detail) <= 200
    assert "ana@example.com" not in repr(event)


def test_a_forged_bounce_is_told_as_what_it_claims_and_no_more() -> None:
    """Unknown references are for whoever applies it to refuse; here they only must fit the tables."""
    for reference in ("f" * 32, "A-_z", "0" * 32):
        data = BOUNCE.replace(REFERENCE.encode(), reference.encode())
        (event,) = read(data).events
        assert event.reference == reference
    for reference in ("f" * 33, "a b", "ünknown", "'; DROP TABLE send; --", ""):
        data = BOUNCE.replace(REFERENCE.encode(), reference.encode())
        assert read(data).why_none is NoReport.FOREIGN


def test_an_attempt_that_no_table_holds_is_not_believed() -> None:
    data = BOUNCE.replace(REFERENCE.encode() + b".2", REFERENCE.encode() + b"." + b"9" * 30)
    assert read(data).why_none is NoReport.FOREIGN


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=2000), st.integers(0, len(BOUNCE)), st.integers(0, 400))
def test_any_bytes_in_place_of_any_part_of_a_bounce(noise: bytes, start: int, length: int) -> None:
    reading = read(BOUNCE[:start] + noise + BOUNCE[start + length :])
    assert bool(reading.events) is (reading.why_none is None)
    for event in reading.events:
        assert event.type in EventType
        assert len(event.id) <= 100
        assert len(event.reference) <= 32
        assert event.detail.isascii()
        assert event.occurred_at <= NOW


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=5000))
def test_any_bytes_at_all(noise: bytes) -> None:
    assert read(noise).events == ()
    assert read(TO_US + noise).why_none is not NoReport.TOO_LARGE
