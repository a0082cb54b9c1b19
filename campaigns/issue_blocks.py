"""Markdown as blocks: what a writer may use in an issue, each with the line it stands on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.tree import SyntaxTreeNode

from campaigns.errors import CampaignError
from campaigns.issue_tags import Tags

Node = SyntaxTreeNode
_COMMENT = re.compile(r"\s*<!--.*-->\s*", re.S)
DEEPEST = 16
"""Levels of nesting; a list has two, its own and its item's."""
_ALLOWED = ("https://", "mailto:", "\ue000")
"""How an address begins; the last is the mark of a tag, whose value is looked at when it is rendered."""


def read_blocks(markdown: str, tags: Tags, file: str) -> list[Node]:
    """The top blocks of a text whose tags are hidden. Raises CampaignError at HTML, and at addresses that
    are neither https nor mailto."""
    parser = MarkdownIt("commonmark")
    parser.block.ruler.before(
        "paragraph", "tags", _tag_lines(tags), {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )
    # Every address is let in here, as it was written, so that a wrong one can be told with its line.
    parser.validateLink = lambda _: True  # type: ignore[assignment, method-assign]
    parser.normalizeLink = lambda url: url  # type: ignore[method-assign]
    # The parser drops what is nested deeper than this without a word, so it must not come to that.
    parser.options["maxNesting"] = 2 * DEEPEST
    tokens = parser.parse(markdown)
    if deep := next((one for one in tokens if one.level > DEEPEST and one.type != "inline"), None):
        message = f"this is nested more than {DEEPEST // 2} deep; nobody can read that on a phone"
        raise CampaignError(file, deep.map[0] + 1 if deep.map else 0, message)
    root = SyntaxTreeNode(tokens)
    for node, line in _lines(root, 1):
        if problem := _problem(node, tags):
            raise CampaignError(file, line, problem)
    return [node for node in root.children if not _is_comment(node)]


def line_of(block: Node) -> int:
    """Where a block begins, from 1."""
    return block.map[0] + 1 if block.map else 1


def code_line_of(block: Node) -> int:
    """Where the first line of code stands: below the line that opens it, where one does."""
    return line_of(block) + (block.type == "fence")


def _lines(node: Node, line: int) -> Iterator[tuple[Node, int]]:
    """Every node with the line it stands on."""
    line = line_of(node) if node.type != "root" and node.map else line
    yield node, line
    for child in node.children:
        yield from _lines(child, line)
        if node.type == "inline":
            line += sum(one.type in ("softbreak", "hardbreak") for one in child.walk())


def _tag_lines(tags: Tags) -> Callable[[StateBlock, int, int, bool], bool]:
    """A rule: lines of nothing but `{% %}` are a block of their own, and end the paragraph before them."""

    def rule(state: StateBlock, start: int, _: int, silent: bool) -> bool:
        words = state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]]
        if not tags.are_all(words):
            return False
        if not silent:
            token = state.push("tags", "", 0)
            token.content, token.map = words, [start, start + 1]
            state.line = start + 1
        return True

    return rule


def _problem(node: Node, tags: Tags) -> str:
    if node.type in ("html_block", "html_inline") and not _is_comment(node):
        return f"`{tags.show(node.content).strip()[:40]}` is HTML; write Markdown, or the issue in MJML"
    if node.type in ("link", "image"):
        return _address_problem(node, str(node.attrGet("href") or node.attrGet("src") or ""), tags)
    return ""


def _address_problem(node: Node, address: str, tags: Tags) -> str:
    is_picture = node.type == "image"
    shown = tags.show(address)
    if not address:
        return "this has no address; write it in the round brackets"
    if is_picture and not node.content.strip():
        return f"the picture `{shown}` has no words for who cannot see it; write ![what it shows](address)"
    if is_picture and not address.startswith(("https://", "\ue000")):
        return f"the picture `{shown}` has no https:// address; put it on your site and write that"
    if not address.startswith(_ALLOWED):
        return f"links to `{shown}`; links start with https:// or mailto:, or are one of {{{{ links }}}}"
    return ""


def _is_comment(node: Node) -> bool:
    """A remark among writers; nobody gets it."""
    return node.type in ("html_block", "html_inline") and bool(_COMMENT.fullmatch(node.content))
