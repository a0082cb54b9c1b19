"""What a reader sees of an HTML email: its words, its links, its pictures."""

from __future__ import annotations

from dataclasses import dataclass

from campaigns.markup import MarkupReader


@dataclass(frozen=True)
class Visible:
    words: str
    """Title, preheader and body with single spaces; a picture counts as its alternative text."""
    links: tuple[str, ...]
    """Every address behind a link, in order."""
    pictures: tuple[str, ...]
    """Every address a picture is loaded from, in order."""


def visible(html: str) -> Visible:
    """Reads a finished email. Comments (Outlook's tables) and style sheets are not seen."""
    reader = _Reader()
    reader.read(html)
    return Visible(" ".join("".join(reader.words).split()), tuple(reader.links), tuple(reader.pictures))


class _Reader(MarkupReader):
    def __init__(self) -> None:
        self.words: list[str] = []
        self.links: list[str] = []
        self.pictures: list[str] = []
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_style = tag == "style"
        if tag not in ("b", "strong", "em", "i", "a", "span"):
            self.words.append(" ")
        for name, value in attrs:
            if name == "href":
                self.links.append(value or "")
            elif name == "src":
                self.pictures.append(value or "")
            elif name == "alt":
                self.words.append(f" {value or ''} ")

    def handle_endtag(self, tag: str) -> None:
        if tag == "style":
            self._in_style = False
        elif tag not in ("b", "strong", "em", "i", "a", "span"):
            self.words.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._in_style:
            self.words.append(data)
