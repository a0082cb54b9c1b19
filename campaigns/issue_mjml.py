"""An issue's sections as MJML, made of the design's components."""

from __future__ import annotations

import re
from collections.abc import Iterator

from campaigns.issue_blocks import Node, code_line_of, line_of
from campaigns.issue_inline import CODE, address_of, as_html, words_of
from campaigns.issue_shape import Piece, link_alone, picture_alone

Row = tuple[str, int]
"""A line of the result, and the line of the issue that it came from."""
_BEFORE = """\
[% extends "layout.mjml" %]
[% import "_base/tokens.txt" as t %]
[% from "_base/components.mjml" import lead, part, quote, button, divider %]
[% block body %]"""
_PICTURE = """<mj-section padding="0 0 [[ t.apart ]]"><mj-column><mj-image src="{src}" alt="{alt}"{href} \
padding="0" border-radius="[[ t.round ]]" /></mj-column></mj-section>"""
_SPACE = re.compile(r"(?m)^ | (?= )|\t")
_SMALL_HEADING = "font-size:16px;line-height:24px;margin:0 0 6px;font-weight:700"


def mjml_rows(pieces: list[Piece], *, greeting: bool) -> Iterator[Row]:
    """The body of the HTML part, line by line."""
    yield from ((row, pieces[0].line) for row in _BEFORE.splitlines())
    for piece in pieces:
        yield from _PIECES[piece.kind](piece, greeting)
    yield "[% endblock %]", pieces[-1].line


def _lead(piece: Piece, greeting: bool) -> Iterator[Row]:
    heading = as_html(piece.heading.children) if piece.heading else "{{ subject }}"
    yield _set("heading", heading), piece.line
    yield f"[% call lead(heading, greet={str(greeting).lower()}) %]", piece.line
    yield from _blocks(piece.blocks)
    yield "[% endcall %]", piece.line


def _part(piece: Piece, _: bool) -> Iterator[Row]:
    yield _set("heading", as_html(piece.heading.children) if piece.heading else ""), piece.line
    yield "[% call part(heading) %]", piece.line
    yield from _blocks(piece.blocks)
    yield "[% endcall %]", piece.line


def _quote(piece: Piece, _: bool) -> Iterator[Row]:
    yield "[% call quote() %]", piece.line
    yield from _blocks(piece.blocks[0].children)
    yield "[% endcall %]", piece.line


def _button(piece: Piece, _: bool) -> Iterator[Row]:
    link = link_alone(piece.blocks[0])
    assert link
    yield _set("address", address_of(link)) + _set("words", as_html(link.children)), piece.line
    yield "[[ button(address, words) ]]", piece.line


def _picture(piece: Piece, _: bool) -> Iterator[Row]:
    found = picture_alone(piece.blocks[0])
    assert found
    picture, link = found
    href = f' href="{address_of(link)}"' if link else ""
    alt = words_of(picture.content).replace('"', "&quot;")
    yield _PICTURE.format(src=address_of(picture), alt=alt, href=href), piece.line


def _rule(piece: Piece, _: bool) -> Iterator[Row]:
    yield "[[ divider() ]]", piece.line


def _tags(piece: Piece, _: bool) -> Iterator[Row]:
    yield piece.blocks[0].content, piece.line


_PIECES = {"lead": _lead, "part": _part, "quote": _quote, "button": _button, "picture": _picture,
           "rule": _rule, "tags": _tags}  # fmt: skip


def _set(name: str, value: str) -> str:
    return f"[% set {name} %]{value.replace(chr(10), ' ')}[% endset %]"


def _blocks(blocks: list[Node]) -> Iterator[Row]:
    for block in blocks:
        line = line_of(block)
        match block.type:
            case "paragraph":
                yield from _words(block, "<p>", "</p>")
            case "heading":
                yield from _words(block, f'<h3 style="{_SMALL_HEADING}">', "</h3>")
            case "bullet_list" | "ordered_list":
                yield from _list(block)
            case "fence" | "code_block":
                yield from _code(block)
            case "tags":
                yield block.content, line
            case "blockquote":
                yield from _blocks(block.children)


def _words(block: Node, before: str, after: str) -> Iterator[Row]:
    rows = f"{before}{as_html(block.children[0].children)}{after}".split("\n")
    yield from ((row, line) for line, row in enumerate(rows, start=line_of(block)))


def _list(block: Node) -> Iterator[Row]:
    first = int(block.attrs.get("start", 1))
    begin = f' start="{first}"' if first != 1 else ""
    tag = "ol" if block.type == "ordered_list" else "ul"
    yield f"<{tag}{begin}>", line_of(block)
    for item in block.children:
        yield "<li>", line_of(item)
        for child in item.children:
            # In a list without empty lines the paragraphs are hidden: their words stand in the item itself.
            yield from _words(child, "", "") if child.hidden else _blocks([child])
        yield "</li>", line_of(item)
    yield f"</{tag}>", line_of(block)


def _code(block: Node) -> Iterator[Row]:
    """Its lines as they are: breaks and hard spaces, because few mail clients keep white space."""
    rows = _SPACE.sub("&#160;", words_of(block.content.rstrip("\n"))).split("\n")
    first = code_line_of(block)
    yield f'<p style="{CODE}">', line_of(block)
    for number, row in enumerate(rows):
        yield f"{row}{'<br />' if number + 1 < len(rows) else ''}", first + number
    yield "</p>", line_of(block)
