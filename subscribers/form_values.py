"""The values of forms: read one by one, refused in words for the field."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, time
from enum import StrEnum
from typing import TypeVar

from subscribers.wording import Said

T = TypeVar("T")


class InvalidSignUp(ValueError):
    """What is wrong, per form field, in words for the person who typed it: `{"email": "…"}`."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        self.errors = dict(errors)
        super().__init__("; ".join(f"{name}: {message}" for name, message in self.errors.items()))


class FormReader:
    """Reads fields one by one and keeps every error."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.errors: dict[str, str] = {}

    def take(self, name: str, read: Callable[[str], T]) -> T | None:
        try:
            return read(self._values.get(name, "") or "")
        except ValueError as error:
            self.errors[name] = str(error)
            return None


def parse_line(value: str, most: int) -> str:
    """One line of free text, without what a terminal or a reader cannot see."""
    value = unicodedata.normalize("NFC", value).strip()
    if not (value.isascii() and value.isprintable()) and any(
        unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or c in _BIDI for c in value
    ):
        raise ValueError(Said("this has an invisible character in it; please type it again"))
    if len(value) > most:
        raise ValueError(Said("this is longer than %(most)s characters; please shorten it", most=most))
    if "://" in value or "www." in value.lower():
        raise ValueError(Said("please leave web addresses out"))
    return value


_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def parse_day(value: str) -> date:
    """A day as a form writes it, `2026-12-04`; ValueError with a message for the field."""
    # Only the form's own notation; fromisoformat would take 2026-W48-5 and 20261127 too.
    found = _DAY.fullmatch(value)
    try:
        return date(*map(int, found.groups()) if found else (0, 0, 0))
    except ValueError:
        raise ValueError(
            Said("%(value)r is not a day of the calendar; write it like 2026-12-04", value=value[:20])
        ) from None


def parse_time(value: str) -> time:
    """A wall time as a form writes it, `14:00`; ValueError with a message for the field."""
    found = _TIME.fullmatch(value)
    try:
        return time(*(int(part) for part in found.groups("0")) if found else (-1,))
    except ValueError:
        raise ValueError(
            Said("%(value)r is not a time of day; write it like 14:00", value=value[:20])
        ) from None


# Read by hand: strptime takes longer than all other checks of a form together.
_DAY = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})")
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{1,2})(?::([0-9]{1,2}))?")


E = TypeVar("E", bound=StrEnum)


def parse_choice(kind: type[E], value: str) -> E:
    try:
        return kind(value or "unknown")
    except ValueError:
        raise ValueError(
            Said("%(value)r is none of: %(kinds)s", value=value[:20], kinds=", ".join(kind))
        ) from None


def parse_country(value: str) -> str:
    value = value.strip().upper()
    if value and not (len(value) == 2 and value.isascii() and value.isalpha()):
        raise ValueError(Said("%(value)r is not a country code; write it like DE", value=value[:20]))
    return value


def parse_agreement(value: str) -> None:
    if value.lower() not in ("yes", "on", "true", "1"):
        raise ValueError(Said("we need your agreement to write to you"))
