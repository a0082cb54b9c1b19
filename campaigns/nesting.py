"""Does everything in a finished email stand where HTML lets it stand? What does not is moved elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from campaigns.markup import MarkupReader

_VOID = frozenset(["area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"])
_IN_TABLES = frozenset(["tbody", "thead", "tfoot", "tr", "td", "th", "caption", "colgroup", "col"])
_TABLES = frozenset(["table", "tbody", "thead", "tfoot", "tr"])
_LISTS = frozenset(["ul", "ol", "menu"])


@dataclass(frozen=True)
class Misplaced:
    """Words, or the element around them, that stand where the mail client will not leave them."""

    message: str
    words: str


def misplaced(html: str) -> Iterator[Misplaced]:
    """List items outside of lists, and words between the cells of a table; each run of words once."""
    reader = _Reader()
    reader.read(html)
    yield from dict.fromkeys(reader.found)


_ITEM = "<li> stands outside of <ul> and <ol>; in rows() and checklist() write point(…), step(…) or tick(…)"
_BETWEEN = "<{tag}> stands between the cells of a table; mail clients move it above the table"
_BARE = "these words stand between the cells of a table; mail clients move them above the table"


class _Reader(MarkupReader):
    """Comments, and Outlook's tables in them, are not seen."""

    def __init__(self) -> None:
        self.found: list[Misplaced] = []
        self._open: list[str] = []
        self._fault = ""
        """Of the element that was opened last, until its first words tell where it was written."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - HTMLParser's own
        parent = self._open[-1] if self._open else ""
        if tag == "li" and parent not in _LISTS:
            self._fault = _ITEM
        elif parent in _TABLES and tag not in _IN_TABLES:
            self._fault = _BETWEEN.format(tag=tag)
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        words = " ".join(data.split())
        if not words:
            return
        fault = self._fault or (_BARE if self._open and self._open[-1] in _TABLES else "")
        self._fault = ""
        if fault:
            self.found.append(Misplaced(fault, words))
