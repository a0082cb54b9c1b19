"""The blocks of an issue as the pieces of an email: which stand together, and which by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from campaigns.errors import CampaignError
from campaigns.issue_blocks import Node, line_of
from campaigns.issue_tags import Tags


@dataclass(frozen=True)
class Piece:
    """One section. `kind`: lead, part, quote, card, button, picture, rule, tags."""

    kind: str
    line: int
    """In the file, from 1."""
    heading: Node | None = None
    """The inline words of its heading."""
    blocks: list[Node] = field(default_factory=list)


def pieces_of(blocks: list[Node], tags: Tags, file: str) -> list[Piece]:
    """The sections in order; the first is the lead. Raises CampaignError at a second `#` heading."""
    title = blocks[0] if blocks and _level(blocks[0]) == 1 else None
    rest = blocks[1:] if title else blocks
    for block in rest:
        if _level(block) == 1:
            message = "there is one # heading, at the top; write ## for what comes below it"
            raise CampaignError(file, line_of(block), message)
    line = line_of(blocks[0]) if blocks else 1
    pieces = [Piece("lead", line, title.children[0] if title else None)]
    for block, is_inside in _with_tags(rest, tags):
        pieces += _next(pieces[-1], block, line_of(block), is_inside=is_inside)
    return pieces


def link_alone(block: Node) -> Node | None:
    """The link of a paragraph that is one link in strong letters: a button."""
    words = _only(block, "paragraph")
    strong = words and _only_of(words, "strong")
    return _only_of(strong, "link") if strong else None


def picture_alone(block: Node) -> tuple[Node, Node | None] | None:
    """The picture of a paragraph that is nothing else, and the link around it."""
    words = _only(block, "paragraph")
    link = words and _only_of(words, "link")
    picture = _only_of(link or words, "image") if words else None
    return (picture, link) if picture else None


def _next(last: Piece, block: Node, line: int, *, is_inside: bool) -> Iterator[Piece]:
    """What a block adds: a section of its own, or nothing but words for the one before it."""
    if block.type == "tags" and not is_inside:
        yield Piece("tags", line, blocks=[block])
    elif kind := _kind(block):
        yield Piece(kind, line, blocks=[block])
    elif _level(block) == 2:
        yield Piece("part", line, block.children[0])
    elif last.kind in ("lead", "part"):
        last.blocks.append(block)
    else:
        yield Piece("part", line, blocks=[block])


def _kind(block: Node) -> str:
    if block.type == "blockquote":
        return "quote"
    if block.type == "hr":
        return "rule"
    if link_alone(block):
        return "button"
    return "picture" if picture_alone(block) else ""


def _with_tags(blocks: list[Node], tags: Tags) -> Iterator[tuple[Node, bool]]:
    """Each block, and whether it is a tag that stands within a section: a `{% if %}` around words
    alone. One around a heading, a button or a picture stands between the sections, as do its arms and its
    end."""
    inside = 0
    for number, block in enumerate(blocks):
        if block.type != "tags":
            yield block, inside > 0
            continue
        depth = tags.depth(block.content)
        if not inside and depth > 0 and not all(map(_is_words, _until_closed(blocks[number:], tags))):
            yield block, False
        else:
            is_within = inside > 0 or depth > 0 or (depth == 0 and not tags.is_arm(block.content))
            inside = max(0, inside + depth)
            yield block, is_within


def _until_closed(blocks: list[Node], tags: Tags) -> list[Node]:
    depth = 0
    for number, block in enumerate(blocks):
        depth += tags.depth(block.content) if block.type == "tags" else 0
        if depth <= 0:
            return blocks[: number + 1]
    return blocks


def _is_words(block: Node) -> bool:
    return not _kind(block) and _level(block) not in (1, 2)


def _level(block: Node) -> int:
    return int(block.tag[1]) if block.type == "heading" else 0


def _only(block: Node, kind: str) -> Node | None:
    return block.children[0] if block.type == kind and block.children else None


def _only_of(parent: Node, kind: str) -> Node | None:
    children = [one for one in parent.children if one.type != "text" or one.content.strip()]
    return children[0] if len(children) == 1 and children[0].type == kind else None
