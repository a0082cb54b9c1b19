"""An issue's sections as plain text, written and not stripped."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import indent

from campaigns.issue_blocks import Node, code_line_of, line_of
from campaigns.issue_inline import SAME_LINE, as_text, plain_words_of
from campaigns.issue_mjml import Row
from campaigns.issue_shape import Piece, link_alone

_BEFORE = """\
[% extends "layout.txt" %]
[% from "_base/components.txt" import hello %]
[% block body %]"""


def text_rows(pieces: list[Piece], *, greeting: bool) -> Iterator[Row]:
    """The body of the text part, line by line."""
    yield from ((row, pieces[0].line) for row in _BEFORE.splitlines())
    for piece in pieces:
        yield from _PIECES[piece.kind](piece, greeting)
    yield "[% endblock %]", pieces[-1].line


def _lead(piece: Piece, greeting: bool) -> Iterator[Row]:
    heading = _heading(as_text(piece.heading.children)) if piece.heading else "{{ subject|upper }}"
    yield heading, piece.line
    yield "", piece.line
    if greeting:
        yield "[[ hello() ]]", piece.line
        yield "", piece.line
    yield from _blocks(piece.blocks)


def _part(piece: Piece, _: bool) -> Iterator[Row]:
    if piece.heading:
        yield _heading(as_text(piece.heading.children)), piece.line
        yield "", piece.line
    yield from _blocks(piece.blocks)


def _quote(piece: Piece, _: bool) -> Iterator[Row]:
    yield from _indented(_blocks(piece.blocks[0].children))


def _button(piece: Piece, _: bool) -> Iterator[Row]:
    link = link_alone(piece.blocks[0])
    assert link
    yield f"{_on_one_row(as_text(link.children))}:", piece.line
    yield str(link.attrs["href"]).removeprefix("mailto:"), piece.line
    yield "", piece.line


def _rule(piece: Piece, _: bool) -> Iterator[Row]:
    yield "* * *", piece.line
    yield "", piece.line


def _tags(piece: Piece, _: bool) -> Iterator[Row]:
    yield piece.blocks[0].content, piece.line


_PIECES = {"lead": _lead, "part": _part, "quote": _quote, "button": _button, "picture": _part,
           "rule": _rule, "tags": _tags}  # fmt: skip


def _heading(words: str) -> str:
    """In capitals, as in the text part of every email; a tag's mark has no small letters."""
    return _on_one_row(words.upper())


def _on_one_row(words: str) -> str:
    return " ".join(words.replace(SAME_LINE, " ").split())


def _blocks(blocks: list[Node]) -> Iterator[Row]:
    """Blocks with an empty line after each."""
    for block in blocks:
        line = line_of(block)
        match block.type:
            case "paragraph" | "heading":
                yield from _rows(as_text(block.children[0].children), line)
            case "bullet_list" | "ordered_list":
                yield from _list(block)
            case "fence" | "code_block":
                words = plain_words_of(block.content.rstrip("\n"))
                yield from _indented(_rows(words, code_line_of(block)))
            case "tags":
                yield block.content, line
                continue
            case "blockquote":
                yield from _indented(_blocks(block.children))
                continue
        yield "", line


def _rows(words: str, line: int) -> Iterator[Row]:
    return ((row, number) for number, row in enumerate(words.split("\n"), start=line))


def _list(block: Node) -> Iterator[Row]:
    number = int(block.attrs.get("start", 1))
    for item in block.children:
        sign = f"{number}. " if block.type == "ordered_list" else "- "
        number += 1
        rows = list(_blocks(item.children))
        while rows and not rows[-1][0]:
            rows.pop()
        for place, (row, line) in enumerate(rows):
            if row:
                yield (sign if place == 0 else " " * len(sign)) + row, line


def _indented(rows: Iterator[Row]) -> Iterator[Row]:
    return ((indent(row, "  "), line) for row, line in rows)
