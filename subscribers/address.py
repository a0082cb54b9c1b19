"""What counts as an address, and how we remember one we may no longer keep."""

from __future__ import annotations

import hmac
import unicodedata

from email_validator import EmailNotValidError, validate_email

from subscribers.wording import Said


class InvalidAddress(ValueError):
    """Not one plain address; the message is for the field."""


def parse_address(value: str) -> str:
    """One normalized address, or InvalidAddress.

    Strict on purpose: exactly one mailbox at a public domain, no display name, no quoted local part, no
    address literal, no control characters. Look-alikes are refused: letters of two scripts in one label of
    the domain read as somebody else's, and before the @ only ASCII arrives everywhere. No DNS is asked.
    """
    value = value.strip(" ")
    if not value:
        raise InvalidAddress(Said("please enter your email address"))
    is_plain = value.isascii() and value.isprintable()
    if not is_plain and any(unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Cs") for c in value):
        raise InvalidAddress(Said("the address has an invisible character in it; please type it again"))
    try:
        found = validate_email(value, check_deliverability=False, strict=True, allow_smtputf8=False)
    except EmailNotValidError as error:
        raise InvalidAddress(Said("this is not an email address: %(why)s", why=_plain(error))) from None
    if any(_scripts(label) > 1 for label in found.domain.split(".")):
        raise InvalidAddress(Said("the part after @ mixes alphabets; please check it letter by letter"))
    return found.normalized


def address_hmac(address: str, key: bytes) -> str:
    """The address as a keyed hash, 64 hex digits: the same for every spelling of one mailbox in upper or
    lower case. It finds a person again and tells a stranger who reads the table nothing."""
    # Not hmac.digest: it lets go of the interpreter for these few bytes, and gets it back when it pleases the
    # worker that is rendering beside us.
    return hmac.new(key, address.casefold().encode(), "sha256").hexdigest()


def mailbox_of(address: str) -> str:
    """The mailbox that dots and plus signs lead to, for counting only: people may use such addresses."""
    local, _, domain = address.casefold().rpartition("@")
    local = local.partition("+")[0] or local
    if domain in _GOOGLE:
        return f"{local.replace('.', '')}@gmail.com"
    return f"{local}@{domain}"


def mailbox_hmac(address: str, key: bytes) -> str:
    """The mailbox behind an address as a keyed hash: all its spellings share it."""
    return address_hmac(mailbox_of(address), key)


_GOOGLE = frozenset({"gmail.com", "googlemail.com"})


def masked(address: str | None) -> str:
    """An address as logs and terminals may show it: `a…@example.com`."""
    if not address:
        return "(erased)"
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}…@{domain}"


def _plain(error: EmailNotValidError) -> str:
    # The library quotes the input in some messages; only its first sentence goes to the page.
    return str(error).split(". ")[0].rstrip(".")[:160]


def _scripts(label: str) -> int:
    """How many alphabets a domain label is written in; digits and hyphens belong to none."""
    if label.isascii():
        return 1
    names = {unicodedata.name(c, "?").split(" ")[0] for c in label if c.isalpha()}
    # Japanese writes with three at once.
    if names & {"HIRAGANA", "KATAKANA"}:
        names -= {"HIRAGANA", "KATAKANA", "CJK"}
        return 1 + len(names)
    return len(names)
