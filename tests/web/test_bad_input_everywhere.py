"""Every form that changes something, and what people who mean ill send to it: no bug, and no change."""

from __future__ import annotations

import base64
import os
import re

import pytest

from subscribers import InvalidLink, Links, Purpose

TOKENS = int(os.environ.get("RUNUP_TOKENS", "20"))
"""How many tokens lose each of their bits in turn; the long form: 1000."""
FORM = "application/x-www-form-urlencoded"
CHANGES = ("move", "cancel", "details", "zone", "decision", "outcome", "add", "delete", "pause", "newsletter")
VALUES = {
    "a field twice": b"interview_date=2026-12-11&interview_date=2026-12-12&home_zone=UTC&home_zone=UTC",
    "a broken encoding": b"interview_date=%ff%fe&home_zone=%c3%28",
    "a thousand parameters": b"&".join(b"f%d=1" % number for number in range(1000)),
    "a body too long": b"interview_date=" + b"2" * 70_000,
}


@pytest.fixture
def interview(visitor):
    return visitor.confirmed()


def doors(visitor, interview):
    """Each address that takes a form."""
    plan = visitor.path(Purpose.PLAN, interview.id)
    return ["/sign-up", visitor.path(Purpose.CONFIRM, interview.id), *(f"{plan}/{part}" for part in CHANGES)]


@pytest.mark.parametrize("body", VALUES.values(), ids=VALUES)
def test_a_form_that_cannot_be_read_is_refused_at_every_door(visitor, interview, body):
    before = visitor.dump()
    for door in doors(visitor, interview):
        token = visitor.token_on("/").encode()
        answer = visitor.http.post(
            door, content=b"form_token=" + token + b"&" + body, headers={"Content-Type": FORM}
        )
        assert 400 <= answer.status_code < 500, door
    assert visitor.dump() == before


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b'{"interview_date": "2026-12-11"}'),
        ("text/plain", b"interview_date=2026-12-11"),
        ("application/xml", b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'),
        ("multipart/form-data", b"no boundary"),
        (FORM + "; charset=utf-16", "interview_date=2026-12-11".encode("utf-16")),
    ],
    ids=["JSON", "text", "XML", "multipart", "another charset"],
)
def test_what_is_no_form_is_refused_at_every_door(visitor, interview, kind, body):
    before = visitor.dump()
    for door in doors(visitor, interview):
        answer = visitor.http.post(door, content=body, headers={"Content-Type": kind})
        assert 400 <= answer.status_code < 500, door
    assert visitor.dump() == before


@pytest.mark.parametrize("body", [*VALUES.values(), b"\x00" * 64, b"=&=&=&"], ids=[*VALUES, "zeros", "signs"])
def test_one_click_works_whatever_comes_with_it(visitor, interview, body):
    link = visitor.path(Purpose.UNSUBSCRIBE, interview.subscriber_id)
    visitor.http.cookies.clear()
    answer = visitor.http.post(link, content=body, headers={"Content-Type": FORM})
    assert answer.status_code == (413 if len(body) > 64 * 1024 else 200)


@pytest.mark.parametrize("key", ["f", "email", "__proto__", "zone"])
def test_a_link_with_a_thousand_parameters_is_only_a_page(visitor, interview, key):
    before = visitor.dump()
    query = "&".join(f"{key}{number if key == 'f' else ''}=1" for number in range(1000))
    for path in ("/", visitor.path(Purpose.PLAN, interview.id), visitor.path(Purpose.CONFIRM, interview.id)):
        assert visitor.get(f"{path}?{query}").status_code == 200
    assert visitor.dump() == before


@pytest.mark.parametrize("where", ["url", "u", "next", "redirect", "to", "link", "return"])
def test_no_page_leads_away_whatever_its_address_asks_for(visitor, interview, where):
    for path in (
        "/",
        *doors(visitor, interview)[1:],
        visitor.path(Purpose.UNSUBSCRIBE, interview.subscriber_id),
    ):
        answer = visitor.get(path, params={where: "https://evil.example.net/"})
        assert "evil.example.net" not in answer.headers.get("location", "")
        assert not re.search(r'(href|action|src)="[^"]*evil\.example\.net', answer.text), path


@pytest.mark.parametrize(
    "sent",
    [
        {"X-Forwarded-Host": "evil.example.net"},
        {"X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "//evil.example.net"},
        {"X-Original-URL": "/health"},
        {"X-HTTP-Method-Override": "DELETE"},
        {"Referer": "https://evil.example.net/<script>"},
        {"User-Agent": "<script>alert(1)</script>"},
        {"Accept-Language": "x" * 5000},
        {"Cookie": "runup-form=" + "A" * 3000 + "; runup-language=../../etc"},
        {"Host": "evil.example.net"},
    ],
    ids=lambda sent: next(iter(sent)),
)
def test_headers_that_anybody_can_write_change_no_page(visitor, interview, sent):
    before = visitor.dump()
    for path in ("/", visitor.path(Purpose.PLAN, interview.id)):
        answer = visitor.get(path, headers=sent)
        assert answer.status_code == 200
        assert "evil.example.net" not in answer.text + str(answer.headers)
        assert "<script>" not in answer.text
    assert visitor.dump() == before


def test_every_single_bit_of_every_token_counts():
    links = Links(("k" * 40,), "https://runup.example.com")
    for number in range(TOKENS):
        purpose = list(Purpose)[number % len(Purpose)]
        token = links.sign(purpose, number * 7919 + 1)
        assert links.read(purpose, token) == number * 7919 + 1
        opened = [bad for bad in _flipped(token) if _opens(links, purpose, bad)]
        assert opened == []


def _flipped(token: str) -> list[str]:
    """With each bit of what it is written in turned over, and each bit of what that means."""
    raw = token.encode("ascii")
    written = [_turned(raw, bit).decode("latin-1") for bit in range(8 * len(raw))]
    payload, _, signature = token.partition(".")
    meant = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    return written + [
        f"{payload}.{base64.urlsafe_b64encode(_turned(meant, bit)).decode().rstrip('=')}"
        for bit in range(8 * len(meant))
    ]


def _turned(raw: bytes, bit: int) -> bytes:
    return bytes(byte ^ (1 << bit % 8) if at == bit // 8 else byte for at, byte in enumerate(raw))


def _opens(links: Links, purpose: Purpose, token: str) -> bool:
    try:
        links.read(purpose, token)
    except InvalidLink:
        return False
    return True
