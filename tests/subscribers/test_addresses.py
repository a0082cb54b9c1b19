"""One plain address, or a message for the field."""

from __future__ import annotations

import pytest

from subscribers import InvalidAddress, address_hmac, masked, parse_address

BAD = {
    "empty": "",
    "two at signs": "a@@example.com",
    "two addresses": "ana@example.com,sam@example.com",
    "two addresses with a semicolon": "ana@example.com;sam@example.com",
    "two addresses with a space": "ana@example.com sam@example.com",
    "display name": "Ana <ana@example.com>",
    "two in brackets": "attacker@example.net]<bob@example.org>",
    "quoted with another behind": '"x"@example.net <ana@example.com>',
    "quoted": '"ana maria"@example.com',
    "a header behind": "ana@example.com\nBcc: sam@example.com",
    "an encoded header behind": "a@example.com%0d%0aBcc:x@example.org",
    "NUL": "ana\x00@example.com",
    "tab": "ana\t@example.com",
    "right to left": "\u202eana@example.com",
    "zero width": "ana@example.com\u200b",
    "soft hyphen": "a\u00adna@example.com",
    "long before the at": "a" * 65 + "@example.com",
    "long altogether": "ana@" + "b." * 130 + "com",
    "dots": "ana..b@example.com",
    "leading dot": ".ana@example.com",
    "an address literal": "ana@[127.0.0.1]",
    "no dot": "ana@localhost",
    "reserved": "ana@mail.invalid",
    "cyrillic a in the domain": "ana@ex\u0430mple.com",
    "the same in punycode": "ana@xn--exmple-4nf.com",
    "cyrillic a before the at": "\u0430na@example.com",
    "fullwidth": "ana＠example.com",
    "surrogate": "ana\ud800@example.com",
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_not_one_plain_address_is_refused(kind: str) -> None:
    with pytest.raises(InvalidAddress) as caught:
        parse_address(BAD[kind])
    message = str(caught.value)
    assert message
    assert "\n" not in message
    assert not BAD[kind] or BAD[kind] not in message, "the message repeats nothing that was typed"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("ana@example.com", "ana@example.com"),
        ("  ana@example.com ", "ana@example.com"),
        ("Ana.Maria+jobs@EXAMPLE.com", "Ana.Maria+jobs@example.com"),
        ("ana@müller-und-söhne.de", "ana@müller-und-söhne.de"),
        ("ana@xn--mller-kva.de", "ana@müller.de"),
        ("o'brien@example.ie", "o'brien@example.ie"),
    ],
)
def test_an_ordinary_address_is_kept(typed: str, kept: str) -> None:
    assert parse_address(typed) == kept


def test_one_mailbox_is_found_again_in_every_spelling_and_only_with_the_key() -> None:
    key, other = b"k" * 32, b"o" * 32
    assert address_hmac("Ana@Example.com", key) == address_hmac("ana@example.com", key)
    assert address_hmac("ana@example.com", key) != address_hmac("ana@example.com", other)
    assert address_hmac("ana@example.com", key) != address_hmac("anna@example.com", key)


def test_logs_see_only_the_first_letter() -> None:
    assert masked("ana@example.com") == "a…@example.com"
    assert masked(None) == "(erased)"
