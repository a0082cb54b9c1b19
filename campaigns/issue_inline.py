"""Words inside a paragraph: links, emphasis and the rest, for the HTML part and for the text part."""

from __future__ import annotations

import re
from html import escape

from campaigns.issue_blocks import Node

CODE = "font-family:ui-monospace,Consolas,monospace;font-size:0.92em"
SAME_LINE = "{#\n#}"
"""A comment with a line end in it: the line goes on, and the next one of the source is counted."""
# What would be a tag of the compile stage: `[[ ]]`, `[% %]`, `[# #]`.
_BRACKET = re.compile(r"\[(?=[\[%#])|(?<=[\]%#])\]")


def as_html(nodes: list[Node]) -> str:
    """The words with their markup; a line of the source is a line here."""
    return "".join(map(_html, nodes))


def as_text(nodes: list[Node]) -> str:
    """A paragraph's words on one line; an address stands in brackets behind its words."""
    return "".join(map(_text, nodes))


def words_of(text: str) -> str:
    """Text for HTML. What would begin a tag of the compile stage is a bracket here."""
    return _BRACKET.sub(lambda found: f"&#{ord(found[0])};", escape(text, quote=False))


def plain_words_of(text: str) -> str:
    """The same for the text part, which knows no `&#91;`."""
    return _BRACKET.sub(lambda found: f'[[ "{found[0]}" ]]', text)


def address_of(node: Node) -> str:
    """Where a link or a picture points, fit for an attribute."""
    return escape(str(node.attrs.get("href") or node.attrs.get("src") or ""))


def _html(node: Node) -> str:
    match node.type:
        case "text":
            return words_of(node.content)
        case "softbreak":
            return "\n"
        case "hardbreak":
            return "<br />\n"
        case "code_inline":
            return f'<code style="{CODE}">{words_of(node.content)}</code>'
        case "link":
            return f'<a href="{address_of(node)}">{as_html(node.children)}</a>'
        case "strong" | "em":
            return f"<{node.type}>{as_html(node.children)}</{node.type}>"
    return ""  # a remark among writers


def _text(node: Node) -> str:
    match node.type:
        case "text" | "code_inline":
            return plain_words_of(node.content)
        case "softbreak":
            return f" {SAME_LINE}"
        case "hardbreak":
            return "\n"
        case "image":
            return plain_words_of(f"[{node.content}]")
        case "link":
            return _link(as_text(node.children), str(node.attrs["href"]))
        case "strong" | "em":
            return as_text(node.children)
    return ""


def _link(words: str, address: str) -> str:
    bare = address.removeprefix("mailto:")
    return bare if words in (bare, address) else f"{words} ({bare})"
