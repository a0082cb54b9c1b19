"""Reads MJML before the engine does: says what is wrong, and puts `{% %}` between elements in `mj-raw`.

The engine (MRML) says nothing about unknown tags, little about broken ones, and ends the process on deep
nesting.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from html.parser import HTMLParser

from campaigns.errors import CampaignError
from campaigns.marks import Tag
from campaigns.mjml_components import ATTRIBUTES, CHILDREN, REFUSED_HTML, TAKES_RAW, URL_ATTRIBUTES, VOID
from campaigns.mjml_tokens import TOKEN_LENGTH, Tokens, as_url

_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_UNQUOTED = re.compile(r"=\s*[^\s\"'>/=]")
_VALUE = r"""(?is)(?<![\w-]){name}\s*=\s*("[^"]*"|'[^']*')"""


@dataclass(frozen=True)
class Prepared:
    """MJML ready for the engine, and what is wrong with it. With errors, the MJML is not usable."""

    mjml: str
    errors: list[CampaignError]
    edits: list[tuple[int, int, str]]
    """Start, end and replacement, in the order of the text."""

    def offset_before(self, position: int) -> int:
        """Where a byte of `mjml` (the engine counts bytes) stood in the text before it was prepared."""
        offset = len(self.mjml.encode()[:position].decode(errors="ignore"))
        moved = 0
        for start, end, replacement in self.edits:
            if start + moved >= offset:
                break
            moved += len(replacement) - (end - start)
        return max(0, offset - moved)


def prepare(tokens: Tokens, *, max_depth: int) -> Prepared:
    """Reads the whole text, so that an author sees every fault at once."""
    scan = _Scan(tokens, max_depth)
    try:
        scan.feed(tokens.text)
        scan.close()
        scan.finish()
    except _TooDeepError:
        scan.edits.clear()
    edits = sorted(scan.edits)
    text = tokens.text
    for start, end, replacement in reversed(edits):
        text = text[:start] + replacement + text[end:]
    return Prepared(text, scan.errors, edits)


class _TooDeepError(Exception):
    """Nothing behind this point can be judged."""


class _Scan(HTMLParser):
    def __init__(self, tokens: Tokens, max_depth: int) -> None:
        super().__init__(convert_charrefs=False)
        self._tokens = tokens
        self._max_depth = max_depth
        self._stack: list[tuple[str, int]] = []
        self._line_starts = [0] + [found.end() for found in re.finditer("\n", tokens.text)]
        self.edits: list[tuple[int, int, str]] = []
        self.errors: list[CampaignError] = []

    # What the parser calls

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open(tag, attrs)
        if tag not in VOID:
            self._stack.append((tag, self._offset))
            if len(self._stack) > self._max_depth:
                self._say(f"elements are nested more than {self._max_depth} deep")
                raise _TooDeepError

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            self._say(f"<{tag}> has no end tag; delete </{tag}>")
        elif tag not in (name for name, _ in self._stack):
            self._say(f"</{tag}> closes nothing: there is no <{tag}> open here")
        else:
            while (unclosed := self._stack.pop())[0] != tag:
                self._say(f"<{unclosed[0]}> is never closed (the next end tag is </{tag}>)", unclosed[1])

    def handle_data(self, data: str) -> None:
        if "<" in data:
            self._say("a bare `<`; write &lt;")
        elif self._parent in CHILDREN:
            self._between_elements(data)
        elif data.isspace() and "\n" in data:  # MRML drops a line end between <b>two</b> <i>words</i>
            self.edits.append((self._offset, self._offset + len(data), " "))

    def handle_comment(self, data: str) -> None:
        start = self._offset
        if not data.startswith(
            ("[if", "<![endif]")
        ):  # conditional comments are for Outlook; the rest is for us
            self.edits.append((start, start + len(data) + 7, ""))

    def handle_entityref(self, name: str) -> None:  # noqa: ARG002 - the parser's protocol
        if self._parent in CHILDREN:
            self._say(
                f"text may not stand directly in <{self._parent or 'the document'}>; put it into <mj-text>"
            )

    def handle_charref(self, name: str) -> None:
        self.handle_entityref(name)

    def handle_pi(self, data: str) -> None:  # noqa: ARG002
        self._say("processing instructions (<? ?>) have no place in an email; delete it")

    def handle_decl(self, decl: str) -> None:  # noqa: ARG002
        self._say("declarations (<! >) are written by the compiler; delete it")

    def unknown_decl(self, data: str) -> None:
        self.handle_decl(data)

    def finish(self) -> None:
        """What only shows at the end."""
        for tag, offset in reversed(self._stack):
            self._say(f"<{tag}> is never closed", offset)
        if not self.errors and "<mj-body" not in self._tokens.text:
            self._say("there is no <mjml> with an <mj-body>: does the file extend the layout?", 0)

    # What it means

    def _open(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "mj-include":
            self._say('<mj-include> is not allowed; write [% include "..." %]')
        elif tag.startswith("mj") and (tag in ATTRIBUTES or self._parent in CHILDREN):
            self._check_place(tag)
        elif tag.startswith("mj-"):
            self._say(f"there is no <{tag}>{_nearest(tag, ATTRIBUTES)}")
        elif self._parent in CHILDREN:
            allowed = ", ".join(f"<{name}>" for name in sorted(CHILDREN[self._parent]))
            self._say(f"<{tag}> may not stand in <{self._parent or 'the document'}>; {allowed} may")
        elif tag in REFUSED_HTML:
            self._say(f"<{tag}> does not work in email; leave it out")
        self._check_attributes(tag, attrs)

    def _check_place(self, tag: str) -> None:
        if tag not in ATTRIBUTES:
            self._say(f"there is no <{tag}>{_nearest(tag, ATTRIBUTES)}")
        elif tag not in CHILDREN.get(self._parent, ()):
            allowed = (
                ", ".join(f"<{name}>" for name in sorted(CHILDREN.get(self._parent, ()))) or "text and HTML"
            )
            self._say(f"<{tag}> may not stand in <{self._parent or 'the document'}>; {allowed} may")

    def _check_attributes(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        text = self.get_starttag_text() or ""
        if any(not found.is_output for _, found in self._tokens.find(text)):
            self._say(
                "{% %} may not stand inside an element's tag; use {{ 'a' if ... else 'b' }} in the value"
            )
        if _UNQUOTED.search(_QUOTED.sub('""', text)):
            self._say(f"put quotes around the attribute values of <{tag}>")
        names = [name for name, _ in attrs]
        if tag in ("img", "mj-image") and "alt" not in names:
            self._say(f'<{tag}> needs alt="..."; alt="" where the picture says nothing')
        for name in dict.fromkeys(names):
            if names.count(name) > 1:
                self._say(f"`{name}` is given twice on <{tag}>")
        for name, value in attrs:
            self._check_attribute(tag, name, value, text)

    def _check_attribute(self, tag: str, name: str, value: str | None, text: str) -> None:
        if self._tokens.find(name):
            self._say("a {{ }} may stand in an attribute's value, not in place of an attribute")
        elif tag in ATTRIBUTES and name not in ATTRIBUTES[tag]:
            self._say(f"<{tag}> has no attribute `{name}`{_nearest(name, ATTRIBUTES[tag])}")
        elif tag in ATTRIBUTES and value is None:
            self._say(f'`{name}` on <{tag}> needs a value: {name}="..."')
        elif name.startswith("on"):
            self._say(f"`{name}` is script; it does not work in email")
        elif name in URL_ATTRIBUTES and value:
            self._check_url(name, value, text)

    def _check_url(self, name: str, value: str, text: str) -> None:
        tokens = self._tokens.find(value)
        if tokens and tokens[0][0] == 0:
            for found in re.finditer(_VALUE.format(name=re.escape(name)), text):
                start = self._offset + found.start(1)
                whole = found[1][0] + as_url(found[1][1:])
                self.edits.append((start, start + len(found[1]), whole))
        elif not re.match(r"(?i)(https?://|mailto:)", value):
            self._say(f"`{name}` must start with https://, http:// or mailto: (or be a {{{{ }}}})")

    def _between_elements(self, data: str) -> None:
        """Only elements may stand here: a `{% if %}` gets its own `mj-raw`, anything else is refused."""
        raws = []
        for offset, tag in self._tokens.find(data):
            if not self._refused_here(tag, self._offset + offset):
                raws.append(f"<mj-raw>{data[offset : offset + TOKEN_LENGTH]}</mj-raw>")
        if words := self._tokens.without(data).split():
            where = f"in <{self._parent}>" if self._parent else "outside <mjml>"
            self._say(f"text may not stand directly {where} (`{words[0][:20]}`); put it into <mj-text>")
        # MRML takes line ends between elements, but a space between two on one line is "unexpected" to it.
        self.edits.append((self._offset, self._offset + len(data), "\n".join(["", *raws, ""])))

    def _refused_here(self, tag: Tag, offset: int) -> bool:
        if tag.is_output:
            self._say(f"{{{{ }}}} may not stand directly in <{self._parent}>; put it into <mj-text>", offset)
        elif self._parent not in TAKES_RAW:
            where = f"<{self._parent}>" if self._parent else "the document itself"
            self._say(
                f"{{% %}} may not stand in {where}; put it around the whole section or inside a column",
                offset,
            )
        return tag.is_output or self._parent not in TAKES_RAW

    @property
    def _parent(self) -> str:
        """The innermost open element of MJML, or the HTML that stands in one."""
        return self._stack[-1][0] if self._stack else ""

    @property
    def _offset(self) -> int:
        line, column = self.getpos()
        return self._line_starts[line - 1] + column

    def _say(self, message: str, offset: int | None = None) -> None:
        self.errors.append(self._tokens.places.error(self._offset if offset is None else offset, message))


def _nearest(word: str, known: object) -> str:
    near = get_close_matches(word, [str(name) for name in known], n=1)  # type: ignore[attr-defined]
    return f"; did you mean `{near[0]}`?" if near else ""
