"""Signed links: one purpose each, worthless when a single bit is wrong, good after the key was changed."""

from __future__ import annotations

import hashlib

import pytest
from itsdangerous import URLSafeSerializer

from subscribers import InvalidLink, Links, Purpose

LINKS = Links(keys=["a-key-of-thirty-two-characters-1"], base_url="https://runup.example.com/")


@pytest.mark.parametrize("purpose", Purpose)
def test_a_link_opens_what_it_was_made_for_and_nothing_else(purpose: Purpose) -> None:
    token = LINKS.sign(purpose, 4711)
    assert LINKS.read(purpose, token) == 4711
    for other in set(Purpose) - {purpose}:
        with pytest.raises(InvalidLink):
            LINKS.read(other, token)


@pytest.mark.parametrize("identity", [1, 42, 987_654_321])
def test_every_single_bit_counts(identity: int) -> None:
    token = LINKS.sign(Purpose.UNSUBSCRIBE, identity)
    raw = token.encode()
    for place in range(len(raw) * 8):
        flipped = bytearray(raw)
        flipped[place // 8] ^= 1 << place % 8
        with pytest.raises(InvalidLink):
            LINKS.read(Purpose.UNSUBSCRIBE, flipped.decode("latin-1"))


@pytest.mark.parametrize("cut", [0, 1, 5, -1, -5])
def test_a_cut_or_padded_link_does_not_open(cut: int) -> None:
    token = LINKS.sign(Purpose.PLAN, 7)
    for broken in (token[:cut], token[cut:] if cut else "", token + "A", token + "=", " " + token, token * 2):
        with pytest.raises(InvalidLink):
            LINKS.read(Purpose.PLAN, broken)


@pytest.mark.parametrize(
    "junk", ["", ".", "..", "x.y", "\x00", "é", "\ud800", "[" * 10_000, "." * 10_000, "A" * 100_000]
)
def test_junk_says_what_every_bad_link_says(junk: str) -> None:
    with pytest.raises(InvalidLink, match=r"^this link does not work$"):
        LINKS.read(Purpose.PLAN, junk)


def test_links_of_an_older_key_still_open_and_those_of_a_stranger_never() -> None:
    old = LINKS.sign(Purpose.PLAN, 7)
    rotated = Links(keys=["a-newer-key-of-thirty-two-letters", *LINKS.keys], base_url=LINKS.base_url)
    assert rotated.read(Purpose.PLAN, old) == 7
    new = rotated.sign(Purpose.PLAN, 7)
    assert new != old
    assert rotated.read(Purpose.PLAN, new) == 7
    with pytest.raises(InvalidLink):
        LINKS.read(Purpose.PLAN, new)
    retired = Links(keys=rotated.keys[:1], base_url=LINKS.base_url)
    with pytest.raises(InvalidLink):
        retired.read(Purpose.PLAN, old)


def test_a_token_carries_a_number_and_nothing_else() -> None:
    options = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}
    serializer = URLSafeSerializer(LINKS.keys[0], salt="runup.plan", signer_kwargs=options)
    assert serializer.dumps(7) == LINKS.sign(Purpose.PLAN, 7)
    for value in (True, "7", [7], None, 7.0):
        token = serializer.dumps(value)
        with pytest.raises(InvalidLink):
            LINKS.read(Purpose.PLAN, str(token))


def test_an_address_is_written_whole_and_keys_are_not_shown() -> None:
    url = LINKS.url(Purpose.PLAN, 7, action="move")
    assert url == f"https://runup.example.com/plan/{LINKS.sign(Purpose.PLAN, 7)}/move"
    assert LINKS.keys[0] not in repr(LINKS)
