"""Marks: what stands in for the recipient's tags, and for line numbers, while a campaign is compiled.

A campaign file holds tags for two moments: `[% %]` and `[[ ]]` are read when the campaign is compiled, the
others for each recipient. First every recipient's tag is replaced by a mark, so that neither Jinja's first
pass nor MJML ever sees it, and every line of MJML gets a mark too, so that a place in the finished document
still knows its file and line after layouts, macros and includes have been put together.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field

from jinja2 import Environment, TemplateSyntaxError

from campaigns.errors import CampaignError

COMPILE_DELIMITERS = {
    "block_start_string": "[%",
    "block_end_string": "%]",
    "variable_start_string": "[[",
    "variable_end_string": "]]",
    "comment_start_string": "[#",
    "comment_end_string": "#]",
}
_RUNTIME = Environment(autoescape=True, keep_trailing_newline=True)  # lexes only
_COMPILE = Environment(autoescape=True, keep_trailing_newline=True, **COMPILE_DELIMITERS)  # type: ignore[arg-type]
_LINE, _TAG, _OPEN = "\x01{}\x06", "\x02{}{}\x03", "\x04{}\x05{}\x07"
_ANY = re.compile("\x01(\\d+)\x06|\x02(\\d+)\n*\x03|\x04(\\d+)\x05(.*?)\x07", re.S)
_WHOLE_MARKS = re.compile("(\n|\x02\\d+\n*\x03|\x04[^\x07]*\x07?)")
_ALONE = re.compile("^[ \t]*((?:\x02\\d+\n*\x03[ \t]*)+)\n", re.M)
_COMPILE_TAG = re.compile(r"\[%.*?%\]|\[#.*?#\]")
_HAS_COMPILE_TAG = re.compile(r"\[[\[%#]")


@dataclass(frozen=True)
class Origin:
    """The place in a file that somebody wrote."""

    file: str
    line: int


@dataclass(frozen=True)
class Tag:
    """One recipient's tag as written, `{{ subscriber.first_name }}`."""

    source: str
    origin: Origin

    @property
    def is_output(self) -> bool:
        return self.source.startswith("{{")

    @property
    def is_comment(self) -> bool:
        return self.source.startswith("{#")


@dataclass(frozen=True)
class Document:
    """Text put together from many files; `pieces` are its literal strings and tags in order."""

    own_folder: str
    pieces: tuple[tuple[str | Tag, Origin], ...]


@dataclass
class Marks:
    """The table behind the marks of one compilation."""

    tags: list[Tag] = field(default_factory=list)
    lines: list[Origin] = field(default_factory=list)

    def mark(self, text: str, file: str) -> str:
        """The file with each recipient's tag as a mark. Line numbers stay what they were."""
        marked = _keep_line_ends("".join(self._mark_tags(text, file)))
        if file.endswith(".mjml"):
            return "".join(self._mark_lines(marked, file))
        return _ALONE.sub(self._close_up, marked)

    def read(self, expanded: str, own_folder: str) -> Document:
        """The pieces of a text that came out of the compile stage."""
        origin, position = Origin(own_folder, 0), 0
        pieces: list[tuple[str | Tag, Origin]] = []
        for found in _ANY.finditer(expanded):
            if found.start() > position:
                pieces.append((expanded[position : found.start()], origin))
            position = found.end()
            if found[1]:
                origin = self.lines[int(found[1])]
                pieces.append(
                    ("", origin)
                )  # empty, but it remembers the line from which a component is called
            else:
                tag = self.tags[int(found[2] or found[3])]
                tag = tag if found[2] else Tag(found[4], tag.origin)
                pieces.append((tag, tag.origin))
        pieces.append((expanded[position:], origin))
        return Document(own_folder, tuple(pieces))

    def _mark_tags(self, text: str, file: str) -> list[str]:
        out: list[str] = []
        opened: list[str] = []
        start = 0
        for line, kind, value in _lex(_RUNTIME, text, file):
            if kind.endswith("_begin"):
                opened, start = [value], line
            elif opened:
                opened.append(value)
                if kind.endswith("_end"):
                    out.append(self._new_tag("".join(opened), Origin(file, start)))
                    opened = []
            else:
                out.append(value)
        if opened:
            raise CampaignError(file, start, f"`{opened[0]}` is never closed")
        return out

    def _new_tag(self, source: str, origin: Origin) -> str:
        newlines = "\n" * source.count("\n")
        if source.startswith("{#"):
            source = "{##}"
        self.tags.append(Tag(source, origin))
        number = len(self.tags) - 1
        if _HAS_COMPILE_TAG.search(source):  # {{ links.[[ name ]] }}: the compile stage has to see inside
            return _OPEN.format(number, source)
        return _TAG.format(number, newlines)

    def _mark_lines(self, text: str, file: str) -> list[str]:
        out, is_inside = [], False
        for line, kind, value in _lex(_COMPILE, text, file):
            out.append(self._mark_data(value, Origin(file, line), is_inside) if kind == "data" else value)
            if "\x04" in value or "\x07" in value:
                is_inside = value.rfind("\x04") > value.rfind("\x07")
        return out

    def _mark_data(self, data: str, start: Origin, is_inside: bool) -> str:
        """A mark at the start and after each line end, but not inside another mark."""
        out, line = [] if is_inside else [self._new_line(start)], start.line
        for piece in _WHOLE_MARKS.split(f"\x04{data}" if is_inside else data):
            out.append(piece)
            line += piece.count("\n")
            if piece == "\n":
                out.append(self._new_line(Origin(start.file, line)))
        return "".join(out).removeprefix("\x04") if is_inside else "".join(out)

    def _new_line(self, origin: Origin) -> str:
        self.lines.append(origin)
        return _LINE.format(len(self.lines) - 1)

    def _close_up(self, found: re.Match[str]) -> str:
        """A line of text that holds nothing but `{% %}` leaves no empty line behind."""
        numbers = re.findall("\x02(\\d+)", found[1])
        if any(self.tags[int(number)].is_output for number in numbers):
            return found[0]
        return found[1].rstrip(" \t")[:-1] + "\n\x03"


def _keep_line_ends(text: str) -> str:
    """Jinja drops the line end after `[% %]`; that is right only where the tag has the line to itself."""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        bare = line.rstrip()
        if bare.endswith("%]") and not bare.endswith(("-%]", "+%]")) and _COMPILE_TAG.sub("", bare).strip():
            lines[number] = bare[:-2] + "+%]"
    return "\n".join(lines)


def _lex(environment: Environment, text: str, file: str) -> list[tuple[int, str, str]]:
    try:
        return list(environment.lex(text, file, file))
    except TemplateSyntaxError as error:
        raise CampaignError(file, error.lineno, error.message or "this tag cannot be read") from None


class Places:
    """Finds the origin of an offset in a text assembled from pieces."""

    def __init__(self, own_folder: str) -> None:
        self._own_folder = own_folder
        self._starts: list[int] = []
        self._origins: list[Origin] = []

    def add(self, offset: int, origin: Origin) -> None:
        self._starts.append(offset)
        self._origins.append(origin)

    def at(self, offset: int) -> Origin:
        return self._origins[max(0, bisect_right(self._starts, offset) - 1)]

    def own(self, offset: int) -> Origin | None:
        """The nearest line above that stands in the step's own folder: where a component was called."""
        for index in range(bisect_right(self._starts, offset) - 1, -1, -1):
            if self._origins[index].file.startswith(self._own_folder):
                return self._origins[index]
        return None

    def error(self, offset: int, message: str) -> CampaignError:
        origin, own = self.at(offset), self.own(offset)
        if own and not origin.file.startswith(self._own_folder):
            message = f"{message} (used near {own.file}:{own.line})"
        return CampaignError(origin.file, origin.line, message)
