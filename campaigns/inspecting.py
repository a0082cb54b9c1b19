"""Looks at one finished email as a careful colleague would."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from campaigns.context import Context
from campaigns.rendering import Content
from campaigns.visible import Visible

LONGEST_SUBJECT = 60
LARGEST_HTML = 80_000
_ADDRESS = re.compile(r"https?://[^\s<>\"]+|javascript:[^\s]*")
_LEFT_OVER = re.compile(r"\{\{|\{%|%\}|\}\}|\[\[|\[%|%\]|qzx[a-p]{5}[lu]xzq|[\x00-\x08\x0b-\x1f]")
_PYTHON = re.compile(r"\b(None|True|False)\b|<function|datetime\.|Undefined")

Remark = tuple[str, str, str]
"""Part, severity, message."""


def inspect(
    content: Content, seen: Visible, context: Context, facts: Any, *, needs_unsubscribe: bool
) -> Iterator[Remark]:
    """Everything that is wrong with this email, whoever gets it."""
    yield from _envelope(content, seen)
    yield from _body(
        "html", seen.words, list(seen.links), context, facts, needs_unsubscribe=needs_unsubscribe
    )
    addresses = [found.rstrip(".,;:)") for found in _ADDRESS.findall(content.text)]
    yield from _body("text", content.text, addresses, context, facts, needs_unsubscribe=needs_unsubscribe)
    if len(content.html.encode()) > LARGEST_HTML:
        size = len(content.html.encode()) // 1000
        yield (
            "html",
            "error",
            f"{size} kB of HTML; Gmail cuts off near 102 kB, keep it below {LARGEST_HTML // 1000}",
        )


def _envelope(content: Content, seen: Visible) -> Iterator[Remark]:
    if len(content.subject) > LONGEST_SUBJECT:
        yield "subject", "warning", f"{len(content.subject)} characters; phones show about {LONGEST_SUBJECT}"
    if not content.preheader:
        yield "preheader", "warning", "is empty; mail clients will show the first words of the email instead"
    elif " ".join(content.preheader.split()) not in seen.words:
        yield "html", "warning", "does not carry the preheader; put {{ preheader }} into <mj-preview>"
    for part, words in (("subject", content.subject), ("preheader", content.preheader)):
        yield from _left_over(part, words)


def _body(
    part: str, words: str, addresses: list[str], context: Context, facts: Any, *, needs_unsubscribe: bool
) -> Iterator[Remark]:
    yield from _left_over(part, words)
    if not words.strip():
        yield part, "error", "is empty"
    if context.brand.postal_address not in words:
        yield part, "error", "lacks {{ brand.postal_address }}"
    if needs_unsubscribe and context.links.unsubscribe not in addresses:
        yield part, "error", "lacks a link to {{ links.unsubscribe }}"
    yield from _links(
        part, addresses, {*_texts(asdict(context.links)), *_texts(asdict(context.brand)), *_texts(facts)}
    )


def _left_over(part: str, words: str) -> Iterator[Remark]:
    if found := _LEFT_OVER.search(words):
        yield part, "error", f"prints `{found[0]!r}`, a piece of a tag"
    if found := _PYTHON.search(words):
        yield (
            part,
            "warning",
            f"prints `{found[0]}`, which looks like an empty value; test for it with {{% if %}}",
        )


def _links(part: str, addresses: list[str], known: set[str]) -> Iterator[Remark]:
    for address in dict.fromkeys(addresses):
        if not address.startswith(("https://", "mailto:")):
            yield part, "error", f"links to `{address}`; links start with https:// or mailto:"
        elif address.startswith("https://") and address not in known:
            yield (
                part,
                "warning",
                f"links to `{address}`, which is written into the words; keep addresses in facts/",
            )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
