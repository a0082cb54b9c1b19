"""What a mail client makes of our bytes; the standard library's parser stands for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_string
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default
from email.utils import parseaddr
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from delivery import Email, Rejected
from delivery.mime import as_bytes

MakeEmail = Callable[..., Email]

# What Email lets into a header: no control characters, no line or paragraph separators, no half characters.
header_text = st.text(
    st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\u2028\u2029"), max_size=400
)
body_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=2000)


def parsed(message: bytes) -> EmailMessage:
    return message_from_string(message.decode("utf-8"), EmailMessage, policy=default)


def test_ana_reads_both_parts_as_they_were_written(to_ana: MakeEmail) -> None:
    email = to_ana()
    message = parsed(as_bytes(email))
    assert message.get_content_type() == "multipart/alternative"
    text, html = message.iter_parts()
    assert text.get_content().replace("\r\n", "\n") == email.text
    assert html.get_content().rstrip("\r\n") == email.html
    assert [part.get_content_type() for part in (text, html)] == ["text/plain", "text/html"]
    assert not message.defects
    assert not text.defects


def test_the_headers_say_who_when_and_how_to_leave(to_ana: MakeEmail) -> None:
    email = to_ana()
    message = parsed(as_bytes(email))
    assert message["From"].addresses[0].display_name == "runup"
    assert message["To"].addresses[0].addr_spec == "ana@example.com"
    assert message["To"].addresses[0].display_name == "Ana Müller"
    assert message["Reply-To"] == "people@runup.example.com"
    assert message["Subject"] == email.subject
    assert message["Date"].datetime == email.date
    assert message["Message-ID"] == email.message_id
    assert message["List-Id"] == "<second-interview.runup.example.com>"
    assert message["List-Unsubscribe"] == "<https://runup.example.com/unsubscribe/token>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Feedback-ID"] == "eve:second_interview:runup"
    assert message["X-Runup-Reference"] == "Ana0123456789abcdefXYZ.1"


def test_a_confirmation_belongs_to_no_list_and_offers_no_unsubscribing(to_ana: MakeEmail) -> None:
    message = parsed(as_bytes(to_ana(unsubscribe_url="", list_id="", categories=())))
    for name in ("List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "Precedence", "Feedback-ID"):
        assert name not in message


def test_the_same_attempt_is_the_same_bytes_and_another_attempt_is_not(to_ana: MakeEmail) -> None:
    assert as_bytes(to_ana()) == as_bytes(to_ana())
    assert as_bytes(to_ana(attempt=2)) != as_bytes(to_ana())


def test_the_date_is_utc_wherever_the_moment_was_written_down(to_ana: MakeEmail) -> None:
    in_berlin = datetime(2026, 3, 1, 18, 0, tzinfo=timezone(timedelta(hours=1)))
    assert b"\r\nDate: Sun, 01 Mar 2026 17:00:00 +0000\r\n" in as_bytes(to_ana(date=in_berlin))


@given(subject=header_text.filter(bool))
@example(subject="=?utf-8?q?not_really?=")
@example(subject=" two  spaces ")
@example(subject="x" * 2000)
@example(subject="word " * 300)
@example(subject="👩🏽‍💻" * 60)
def test_any_subject_arrives_as_it_was(subject: str) -> None:
    message = as_bytes(email_with(subject=subject))
    raw = message.split(b"\r\nSubject:")[1].split(b"\r\nDate:")[0].decode("ascii")
    assert str(make_header(decode_header(raw.replace("\r\n", "").removeprefix(" ")))) == subject
    assert max(len(line) for line in message.split(b"\r\n")) <= 78


@given(name=header_text)
@example(name='Ana "the \\ great" Müller')
@example(name="boss@bank.example, <boss@bank.example>")
@example(name="Ana, Kiri; Sam (three)")
def test_any_name_arrives_as_it_was_and_the_address_with_it(name: str) -> None:
    message = as_bytes(email_with(recipient_name=name, sender_name=name))
    for header, address in (("To", "ana@example.com"), ("From", "hello@runup.example.com")):
        assert [found.addr_spec for found in parsed(message)[header].addresses] == [address]
        # The name by the older parser: the newer one puts a space between two encoded words of a name.
        raw = message_from_string(message.decode("ascii"))[header]
        assert squeezed(str(make_header(decode_header(parseaddr(raw)[0])))) == squeezed(name)


@given(text=body_text, html=body_text)
@example(text="From Ana\n.\n..\n.x\n", html="x" * 5000)
@example(text="a \n\tb\t\n c", html="\r\r\n\n\r")
@example(text="--=_boundary\n--\n", html="\x00\x0b\x0c\x85\u2028")
def test_any_body_arrives_with_lf_for_every_line_end(text: str, html: str) -> None:
    if not text and not html:
        return
    message = as_bytes(email_with(text=text, html=html))
    parts = {part.get_content_subtype(): part for part in parsed(message).iter_parts()}
    for kind, body in (("plain", text), ("html", html)):
        if body:
            payload = parts[kind].get_payload(decode=True)
            assert isinstance(payload, bytes)
            expected = body.replace("\r\n", "\n").replace("\r", "\n")
            assert payload.decode("utf-8").replace("\r\n", "\n") == expected


@given(text=body_text.filter(bool), html=body_text, name=header_text, subject=header_text)
def test_every_line_is_short_seven_bit_and_ends_with_crlf(
    text: str, html: str, name: str, subject: str
) -> None:
    message = as_bytes(email_with(text=text, html=html, recipient_name=name, subject=subject))
    lines = message.split(b"\r\n")
    assert lines[-1] == b""
    assert all(len(line) <= 998 and b"\n" not in line and b"\r" not in line for line in lines)
    assert message.isascii()


def test_an_international_domain_travels_in_its_ascii_form(to_ana: MakeEmail) -> None:
    message = as_bytes(to_ana(recipient="ana@straße.example"))
    # IDNA 2003 would write to strasse.example, which is somebody else's.
    assert b"<ana@xn--strae-oqa.example>" in message


def test_an_international_local_part_is_written_in_utf8(to_ana: MakeEmail) -> None:
    message = parsed(as_bytes(to_ana(recipient="añá@example.com")))
    assert message["To"].addresses[0].addr_spec == "añá@example.com"


@pytest.mark.parametrize(
    "recipient",
    [
        "attacker@evil.example]<bob@example.com>",
        "a@example.com,c@example.com",
        "a@example.com b@example.com",
        "a@example..com",
        ".a@example.com",
        "a..b@example.com",
        "a@b@example.com",
        "<a@example.com>",
        '"a b"@example.com',
        "a@[127.0.0.1]",
        "@example.com",
        "ana",
        "",
        "x" * 65 + "@example.com",
        "\u202eana@example.com",
        "ana@-example.com",
    ],
)
def test_what_is_not_one_plain_address_is_rejected_and_not_quoted(to_ana: MakeEmail, recipient: str) -> None:
    for changes in ({"recipient": recipient}, {"sender": recipient}, {"reply_to": recipient or "@"}):
        with pytest.raises(Rejected) as refusal:
            as_bytes(to_ana(**changes))
        assert not recipient or recipient not in str(refusal.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "half a \ud83d smile"},
        {"html": "half a \ud83d smile"},
        {"recipient_name": "half a \ud83d smile"},
        {"html": "", "text": ""},
        {"reference": "../../etc/passwd"},
        {"reference": "two words"},
        {"unsubscribe_url": "https://runup.example.com/a>, <mailto:x@example.com"},
        {"unsubscribe_url": "javascript:alert(1)"},
        {"unsubscribe_url": "https://runup.example.com/" + "x" * 1000},
        {"list_id": "a>b"},
    ],
)
def test_what_cannot_be_written_is_rejected(to_ana: MakeEmail, changes: dict[str, str]) -> None:
    with pytest.raises(Rejected, match="nothing was sent"):
        as_bytes(to_ana(**changes))


def email_with(**changes: str) -> Email:
    values: dict[str, Any] = {
        "sender": "hello@runup.example.com",
        "sender_name": "runup",
        "recipient": "ana@example.com",
        "subject": "Tomorrow",
        "html": "<p>Hello</p>",
        "text": "Hello",
    } | changes
    return Email(
        reference="Ana0123456789abcdefXYZ", attempt=1, date=datetime(2026, 3, 1, tzinfo=UTC), **values
    )


def squeezed(name: str) -> str:
    """Mail clients make one space of many, and none at the ends."""
    return " ".join(name.split())
