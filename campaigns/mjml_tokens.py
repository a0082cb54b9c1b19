"""Recipients' tags through MJML and back: letters in, the tags again out."""

from __future__ import annotations

import re
from dataclasses import dataclass

from campaigns.errors import CampaignError
from campaigns.marks import Document, Origin, Places, Tag

# Lower-case letters only: whatever MJML does with text, attribute values or style sheets, it leaves those
# alone.
_TOKEN = re.compile("qzx([a-p]{5})([lu])xzq")
TOKEN_LENGTH = 12
_JINJA_OPENS = re.compile(r"\{[{%#]")
_OUTPUT = re.compile(r"\{\{([-+]?)(.*?)([-+]?)\}\}", re.S)


@dataclass(frozen=True)
class Restored:
    """Jinja source for the recipient's stage. `origins[n]` is where its line n+1 was written."""

    source: str
    origins: tuple[Origin, ...]


@dataclass(frozen=True)
class Tokens:
    """A document in which every tag is a token, and what each token stands for."""

    text: str
    tags: tuple[Tag, ...]
    places: Places

    def find(self, text: str) -> list[tuple[int, Tag]]:
        """Each token in a string: offset and tag."""
        return [(found.start(), self.tags[_number(found[1])]) for found in _TOKEN.finditer(text)]

    def without(self, text: str) -> str:
        """The string with its tokens taken out."""
        return _TOKEN.sub("", text)

    def restore(self, html: str) -> Restored:
        """Each token is its tag again. Every tag starts a line (inside the tag, so that nothing is
        printed), and so a line number in an error leads back to exactly one tag."""
        source = _Source()
        position = 0
        for found in _TOKEN.finditer(html):
            source.literal(html[position : found.start()])
            tag = self.tags[_number(found[1])]
            source.tag(tag, is_url=found[2] == "u")
            position = found.end()
        source.literal(html[position:])
        return source.done()

    def missing_from(self, html: str) -> list[Tag]:
        """Tags that MJML dropped: it understood the attribute they stood in as a number, for example."""
        kept = {found[1] for found in _TOKEN.finditer(html)}
        return [self.tags[_number(found[1])] for found in _TOKEN.finditer(self.text) if found[1] not in kept]


def tokenize(document: Document) -> Tokens:
    """The document as MJML may see it."""
    places, tags, out, length = Places(document.own_folder), [], [], 0
    for piece, origin in document.pieces:
        if isinstance(piece, Tag):
            if piece.is_comment:
                continue
            tags.append(piece)
            text = _token(len(tags) - 1)
        else:
            text = piece
            if _TOKEN.search(text):
                raise CampaignError(
                    origin.file, origin.line, "these letters are reserved for the compiler; change the word"
                )
        places.add(length, origin)
        out.append(text)
        length += len(text)
    return Tokens("".join(out), tuple(tags), places)


def restore_text(document: Document) -> Restored:
    """The recipient's source of a plain-text part, which needs no tokens."""
    source = _Source()
    for piece, _ in document.pieces:
        if isinstance(piece, Tag):
            source.tag(piece, is_url=False)
        else:
            source.literal(piece)
    return source.done()


def as_url(text: str) -> str:
    """The token of a tag that is a link: its value is checked when the email is rendered."""
    return _TOKEN.sub(lambda found: f"qzx{found[1]}uxzq", text)


def _token(number: int) -> str:
    letters = "".join(chr(97 + (number >> shift & 15)) for shift in (16, 12, 8, 4, 0))
    return f"qzx{letters}lxzq"


def _number(letters: str) -> int:
    value = 0
    for letter in letters:
        value = value << 4 | ord(letter) - 97
    return value


class _Source:
    """Writes Jinja source and keeps its table of lines."""

    def __init__(self) -> None:
        self._out: list[str] = []
        self._origins: list[Origin] = [Origin("", 0)]

    def literal(self, text: str) -> None:
        text = _JINJA_OPENS.sub(lambda found: "{{ '" + found[0] + "' }}", text)
        self._out.append(text)
        self._origins += [self._origins[-1]] * text.count("\n")

    def tag(self, tag: Tag, *, is_url: bool) -> None:
        text = _with_link(tag.source) if is_url and tag.is_output else tag.source
        if not tag.is_comment:
            edge = 3 if text[2:3] in "-+" else 2
            text = f"{text[:edge]}\n{text[edge:]}"
        self._out.append(text)
        first = tag.origin.line - 1
        lines = text.count("\n")
        self._origins += [
            Origin(tag.origin.file, max(first + line, tag.origin.line)) for line in range(1, lines + 1)
        ]

    def done(self) -> Restored:
        return Restored("".join(self._out), tuple(self._origins))


def _with_link(source: str) -> str:
    return _OUTPUT.sub(lambda found: "{{" + found[1] + " (" + found[2] + ")|link " + found[3] + "}}", source)
