"""Looks at one finished email as a careful colleague would."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any, NamedTuple

from campaigns.context import Context
from campaigns.finding import Severity
from campaigns.rendering import Content
from campaigns.visible import Visible

LONGEST_SUBJECT = 60
LARGEST_HTML = 80_000
_ADDRESS = re.compile(r"https?://[^\s<>\"]+|javascript:[^\s]*")
_LEFT_OVER = re.compile(r"\{\{|\{%|%\}|\}\}|\[\[|\[%|%\]|qzx[a-p]{5}[lu]xzq|[\x00-\x08\x0b-\x1f]")
_PYTHON = re.compile(r"\b(None|True|False)\b|<function|datetime\.|Undefined")

_TAG = re.compile(r"\{[{%].*?[%}]\}", re.S)


class Remark(NamedTuple):
    part: str
    severity: Severity
    message: str
    quote: str = ""
    """Words that stand where the fault was written, as far as they are known."""


def inspect(
    content: Content,
    seen: Visible,
    context: Context,
    facts: Any,
    *,
    needs_unsubscribe: bool,
    sources: Mapping[str, str],
) -> Iterator[Remark]:
    """Everything that is wrong with this email, whoever gets it. `sources`: its parts before rendering."""
    written = {part: _TAG.sub("", source) for part, source in sources.items()}
    known = {*_texts(asdict(context.links)), *_texts(asdict(context.brand)), *_texts(facts)}
    yield from _envelope(content, seen, written)
    for part, words, links in (
        ("html", seen.words, list(seen.links)),
        ("text", content.text, _addresses(content.text)),
    ):
        yield from _left_over(part, words, written.get(part, ""))
        yield from _body(part, words, links, context, known, needs_unsubscribe=needs_unsubscribe)
    yield from _pictures(seen.pictures, context, known)
    if len(content.html.encode()) > LARGEST_HTML:
        size = len(content.html.encode()) // 1000
        message = f"{size} kB of HTML; Gmail cuts off near 102 kB, keep it below {LARGEST_HTML // 1000}"
        yield Remark("html", "error", message)


def _envelope(content: Content, seen: Visible, written: Mapping[str, str]) -> Iterator[Remark]:
    if len(content.subject) > LONGEST_SUBJECT:
        message = f"{len(content.subject)} characters; phones show about {LONGEST_SUBJECT}"
        yield Remark("subject", "warning", message)
    if not content.preheader:
        yield Remark("preheader", "warning", _NO_PREHEADER)
    elif " ".join(content.preheader.split()) not in seen.words:
        yield Remark("html", "warning", "does not carry the preheader; put {{ preheader }} into <mj-preview>")
    for part, words in (("subject", content.subject), ("preheader", content.preheader)):
        yield from _left_over(part, words, written.get(part, ""))


_NO_PREHEADER = "is empty; mail clients will show the first words of the email instead"


def _body(
    part: str, words: str, addresses: list[str], context: Context, known: set[str], *, needs_unsubscribe: bool
) -> Iterator[Remark]:
    if not words.strip():
        yield Remark(part, "error", "is empty")
    if context.brand.postal_address not in words:
        yield Remark(part, "error", "lacks {{ brand.postal_address }}")
    if needs_unsubscribe and context.links.unsubscribe not in addresses:
        yield Remark(part, "error", "lacks a link to {{ links.unsubscribe }}")
    for address in dict.fromkeys(addresses):
        if (found := _link(address, context.brand.site_url, known)) is not None:
            yield Remark(part, *found, address)


def _pictures(addresses: Iterable[str], context: Context, known: set[str]) -> Iterator[Remark]:
    """Pictures come from our own site, unsigned, because no reader's name is in them; or there are none."""
    site = context.brand.site_url
    for address in dict.fromkeys(addresses):
        if not address.startswith("https://"):
            message = f"loads a picture from `{address}`; pictures come from https://"
            yield Remark("html", "error", message, address)
        elif address not in known and not (site and address.startswith(f"{site}/")):
            yield Remark("html", "warning", f"loads a picture from `{address}`; {_ELSEWHERE}", address)


_ELSEWHERE = "whoever keeps it there sees who opens the email, so keep pictures on your own site"


def _left_over(part: str, words: str, written: str) -> Iterator[Remark]:
    """`written`: the words of the template itself; where it says “None of them”, that is no empty value."""
    if found := _LEFT_OVER.search(words):
        yield Remark(part, "error", f"prints `{found[0]!r}`, a piece of a tag", found[0])
    for value in dict.fromkeys(found[0] for found in _PYTHON.finditer(words)):
        if value not in written:
            message = f"prints `{value}`, which looks like an empty value; test for it with {{% if %}}"
            yield Remark(part, "warning", message)


def _addresses(text: str) -> list[str]:
    return [found.rstrip(".,;:)") for found in _ADDRESS.findall(text)]


def _link(address: str, site: str, known: set[str]) -> tuple[Severity, str] | None:
    if not address.startswith(("https://", "mailto:")):
        return "error", f"links to `{address}`; links start with https:// or mailto:"
    if address.startswith("mailto:") or address in known:
        return None
    if site and address.startswith(f"{site}/"):
        message = f"links to `{address}`, a page of ours, without a signature; use one of {{{{ links }}}}"
        return "error", message
    return "warning", f"links to `{address}`, which is written into the words; keep addresses in facts/"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
