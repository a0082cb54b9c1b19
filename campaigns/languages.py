"""The languages of a campaign's words: which file an email in a language is made of.

A file is written in the language that its name tells (`body.de.mjml`); without one, in the campaign's own.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from babel.localedata import locale_identifiers

from campaigns.errors import CampaignError

OWN = "en"
"""What a campaign is written in unless its timetable says `language = ...`; and the design, for good."""
DESIGN = "_base/"
_NAMED = re.compile(r".+\.([a-z]{2})\.(?:mjml|txt|toml)")


class MissingWords(CampaignError):
    """A file that an email needs before it can be sent in this language. Until then it is sent without."""


@dataclass(frozen=True)
class Language:
    """One language of one campaign."""

    code: str
    is_own: bool = True
    """The one whose files have no language in their names."""

    def name(self, path: str) -> str:
        """`body.mjml`, or `body.de.mjml` in a language that is not the campaign's own."""
        return path if self.is_own else named(path, self.code)

    def find(self, texts: Mapping[str, str], path: str) -> str:
        """The file that `path` means in an email of this language.

        The design (`_base/`) has few files with words; the others serve every language. A campaign's own
        files all have words. Raises MissingWords where one is not there.
        """
        if written_in(path):
            return path
        translated = named(path, self.code)
        if path.startswith(DESIGN):
            return translated if translated in texts else path
        if self.is_own or (translated not in texts and path not in texts):
            return path
        if translated not in texts:
            raise MissingWords(translated, 0, f"this file is missing; `{path}` is there in another language")
        return translated


ENGLISH = Language(OWN)


def languages(texts: Mapping[str, str]) -> list[Language]:
    """The campaign's own, and those that somebody has begun to write it in."""
    own = own_language(texts)
    begun = {written_in(path) for path in texts if not path.startswith(DESIGN)} - {"", own}
    return [Language(own), *(Language(code, is_own=False) for code in sorted(begun) if is_language(code))]


def own_language(texts: Mapping[str, str]) -> str:
    """The timetable's `language`; English where it says none, or cannot be read (who reads it tells)."""
    try:
        code = tomllib.loads(texts.get("sequence.toml", "")).get("language", OWN)
    except (tomllib.TOMLDecodeError, RecursionError):
        return OWN
    return code if isinstance(code, str) and is_language(code) else OWN


def is_in_design(texts: Mapping[str, str], code: str) -> bool:
    """Whether the design's words, such as why one gets this email, are there in the language."""
    return code == OWN or any(path.startswith(DESIGN) and written_in(path) == code for path in texts)


def language_of(locale: str) -> str:
    """`de` of `de_AT`."""
    return re.split("[-_]", locale, maxsplit=1)[0].lower()


def named(path: str, code: str) -> str:
    """`details/body.mjml` as `details/body.de.mjml`."""
    stem, _, kind = path.rpartition(".")
    return f"{stem}.{code}.{kind}"


def written_in(path: str) -> str:
    """The language in a file's name; empty when there is none."""
    found = _NAMED.fullmatch(path)
    return found[1] if found else ""


def is_language(code: str) -> bool:
    return len(code) == 2 and code in _known()


def overlay(table: Mapping[str, Any], words: Mapping[str, Any]) -> dict[str, Any]:
    """A table of facts with the words of another language. What these do not say stays, but a row that they
    do not have at all is left out: rather no fact than one in the wrong language."""
    rows = {
        key: {**_row(table.get(key)), **row} if isinstance(row, Mapping) else row
        for key, row in words.items()
    }
    return {key: value for key, value in table.items() if not isinstance(value, (Mapping, list))} | rows


def _row(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


@cache
def _known() -> frozenset[str]:
    return frozenset(locale_identifiers())
