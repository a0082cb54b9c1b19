"""Which mail clients do not support the CSS that an email uses."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from campaigns.markup import MarkupReader


@dataclass(frozen=True)
class Feature:
    """A feature of CSS, how it shows in a style, and who does without it."""

    kind: str
    """property | value | at | selector"""
    words: str
    no: tuple[str, ...]


@cache
def features() -> tuple[Feature, ...]:
    """The shipped table; its head says where it comes from and when."""
    table = tomllib.loads((files("campaigns") / "mail_clients.toml").read_text("utf-8"))
    return tuple(_feature(row) for row in table.values() if isinstance(row, Mapping))


def _feature(row: Mapping[str, object]) -> Feature:
    no = row["no"]
    assert isinstance(no, list)
    kind = next(kind for kind in ("property", "value", "at", "selector") if kind in row)
    return Feature(kind, str(row[kind]), tuple(no))


def unsupported(html: str) -> list[Feature]:
    """The features that this email uses and that some client does not support, in the order of the table."""
    reader = _Styles()
    reader.read(html)
    used = set(reader.used())
    return [feature for feature in features() if _is_used(feature, used)]


_Use = tuple[str, str]
"""Kind and words: a whole declaration has the kind `value`."""
_COMMENT = re.compile(r"/\*.*?\*/", re.S)
_HEAD = re.compile(r"([^{};]+)\{")
_DECLARATION = re.compile(r"(?:^|[;{])\s*([a-z-]+)\s*:\s*([^;{}]+)", re.I)


def _is_used(feature: Feature, used: set[_Use]) -> bool:
    if feature.kind == "property":
        return ("property", feature.words) in used
    if ": " in feature.words:
        return any(kind == "value" and words == feature.words for kind, words in used)
    return any(kind == feature.kind and _stands_in(feature.words, words) for kind, words in used)


def _stands_in(part: str, words: str) -> bool:
    """As a whole: `:first-child` is not in `:first-child-of`, nor `max(` in `minmax(`."""
    start = words.find(part)
    while start >= 0:
        before = words[start - 1 : start] if part[0].isalpha() else ""
        after = words[start + len(part) :][:1] if part[-1].isalpha() else ""
        if not any(sign and (sign.isalnum() or sign == "-") for sign in (before, after)):
            return True
        start = words.find(part, start + 1)
    return False


class _Styles(MarkupReader):
    """Every style of an email. Comments, where Outlook's own tables stand, are not seen."""

    def __init__(self) -> None:
        self._sheets: list[str] = []
        self._inline: set[str] = set()
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_style = tag == "style"
        self._inline |= {value for name, value in attrs if name == "style" and value}

    def handle_endtag(self, tag: str) -> None:
        self._in_style = self._in_style and tag != "style"

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self._sheets.append(_COMMENT.sub("", data))

    def used(self) -> Iterator[_Use]:
        for sheet in self._sheets:
            for found in _HEAD.finditer(sheet):
                head = " ".join(found[1].split())
                yield ("at" if head.startswith("@") else "selector"), head
        for style in (*self._sheets, *self._inline):
            for found in _DECLARATION.finditer(style):
                name, value = found[1].lower(), " ".join(found[2].split()).removesuffix("!important").strip()
                yield "property", name
                yield "value", f"{name}: {value}"
