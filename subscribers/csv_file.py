"""CSV files of strangers: the encoding they say, bounded memory, cells that run nothing in a spreadsheet."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, TextIO

LONGEST_LINE = 256 * 1024
LONGEST_CELL = 8 * 1024
MOST_COLUMNS = 200
_RUNS_IN_A_SPREADSHEET = ("=", "+", "-", "@", "\t", "\r", "\0")
_UNDECODABLE = re.compile("[\ud800-\udfff\ufffd]")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NO_TEXT = (
    (b"PK\x03\x04", "a zip archive or a spreadsheet (.xlsx, .ods)"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet (.xls)"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"%PDF", "a PDF"),
    (b"SQLi", "a database"),
)


class UnreadableFile(ValueError):
    """The file as a whole is no CSV file we can read; the message says what to do."""


@dataclass(frozen=True)
class Line:
    """One row: its first line in the file, counted from 1, and its cells by column, or what is wrong."""

    number: int
    cells: Mapping[str, str] = field(default_factory=dict, repr=False)
    problem: str = ""
    raw: Sequence[str] = field(default=(), repr=False)
    """The cells as they stand there, where they could be read at all."""


@dataclass(frozen=True)
class Table:
    """A file that has been opened: its columns (lower case, `_` for spaces), as they are spelled there, and
    its rows, read as one asks for them."""

    columns: Sequence[str]
    titles: Sequence[str]
    lines: Iterator[Line] = field(repr=False)


def read_csv(file: BinaryIO, *, encoding: str = "") -> tuple[list[str], Iterator[Line]]:
    """The column names and the rows; see `open_table`."""
    table = open_table(file, encoding=encoding)
    return list(table.columns), table.lines


def open_table(file: BinaryIO, *, encoding: str = "") -> Table:
    """A CSV file whose first line names its columns.

    `encoding` empty: UTF-8, or what a byte order mark says. Commas, semicolons and tabs are told apart by
    the first line. A row that cannot be read is a Line with a problem and the next one goes on. Raises
    UnreadableFile for a first line that makes no sense.
    """
    text = _decoded(file, encoding)
    lines = _Lines(text)
    first = next(lines, "")
    if first in lines.problems:
        raise UnreadableFile(
            f"the first line has more than {LONGEST_LINE} characters; is this a table? Its first line must "
            "name the columns"
        )
    if "\0" in first:
        raise UnreadableFile("this is no text file; save the table as CSV (UTF-8)")
    if _has_undecodable(first):
        raise UnreadableFile(f"the first line is not {encoding or 'UTF-8'}; {_WHICH_ENCODING}")
    delimiter = max(",;\t", key=first.count)
    titles = [disarmed(name.strip()) for name in _cells_of(first, delimiter)]
    columns = [column_name(title) for title in titles]
    if not any(columns):
        raise UnreadableFile("the file is empty; its first line must name the columns")
    if len(columns) > MOST_COLUMNS:
        raise UnreadableFile(f"the first line names {len(columns)} columns; at most {MOST_COLUMNS} are read")
    twice = sorted({name for name in columns if name and columns.count(name) > 1})
    if twice:
        raise UnreadableFile(f"the column {twice[0]!r} is there twice; remove one")
    return Table(columns, titles, _rows(lines, columns, delimiter=delimiter, encoding=encoding))


def column_name(title: str) -> str:
    """A column's title as it is compared: `First name`, `first-name` and `first_name` are one."""
    return "_".join(disarmed(title.strip()).lower().replace("-", " ").replace("_", " ").split())


def write_csv(file: TextIO, columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> int:
    """Write rows a spreadsheet shows and never runs; `read_csv` gives the same cells. Returns how many."""
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(columns)
    count = 0
    for row in rows:
        writer.writerow([armored(row.get(name, "")) for name in columns])
        count += 1
    return count


def write_lines(file: TextIO, columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> int:
    """Write rows as JSON, one object a line, without the cells that are empty. Returns how many."""
    count = 0
    for row in rows:
        told = {name: row[name] for name in columns if row.get(name)}
        file.write(json.dumps(told, ensure_ascii=False) + "\n")
        count += 1
    return count


def armored(cell: str) -> str:
    """`cell` as a spreadsheet will not run it: `=1+1` becomes `'=1+1`. Undone by `disarmed`."""
    return f"'{cell}" if cell.startswith((*_RUNS_IN_A_SPREADSHEET, "'")) else cell


def disarmed(cell: str) -> str:
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith((*_RUNS_IN_A_SPREADSHEET, "'")) else cell


_WHICH_ENCODING = (
    "save the table as CSV (UTF-8), or say --encoding latin-1 (or cp1252, utf-16) if you know it"
)


class _Lines:
    """Lines of text, none longer than LONGEST_LINE in memory; remembers those that were cut."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self.problems: set[str] = set()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._text.readline(LONGEST_LINE)
        if not line:
            raise StopIteration
        if len(line) == LONGEST_LINE and not line.endswith(("\n", "\r")):
            while (rest := self._text.readline(LONGEST_LINE)) and not rest.endswith(("\n", "\r")):
                pass
            # What is left of it is no row; the mark cannot be typed into a cell of a readable line.
            self.problems.add(_CUT)
            return _CUT
        return line


_CUT = "\0cut\0\n"


def _cells_of(first: str, delimiter: str) -> list[str]:
    csv.field_size_limit(LONGEST_CELL * 4)
    try:
        return next(csv.reader([first], delimiter=delimiter), [])
    except csv.Error:
        raise UnreadableFile("the first line cannot be read; it must name the columns") from None


def _rows(lines: _Lines, columns: list[str], *, delimiter: str, encoding: str) -> Iterator[Line]:
    csv.field_size_limit(LONGEST_CELL * 4)
    reader = csv.reader(lines, delimiter=delimiter)
    while True:
        number = reader.line_num + 2  # the first line has been read already
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            words = f"is a quotation mark left open? Lines {number} to {reader.line_num} were not read"
            yield Line(number, problem=f"a cell has no end: {words}")
            continue
        if any(cell.strip() for cell in cells):
            yield _line(number, cells, columns, encoding)


def _line(number: int, cells: list[str], columns: list[str], encoding: str) -> Line:
    if any("\0" in cell for cell in cells):
        cut = any("\0cut\0" in cell for cell in cells)
        words = (
            f"the line is longer than {LONGEST_LINE} characters" if cut else "there is a NUL character in it"
        )
        return Line(number, problem=words)
    if len(cells) > len(columns):
        problem = f"{len(cells)} cells for {len(columns)} columns; is a cell with a comma unquoted?"
        return Line(number, problem=problem, raw=cells[: len(columns)])
    if any(_has_undecodable(cell) for cell in cells):
        return Line(number, problem=f"not {encoding or 'UTF-8'}; {_WHICH_ENCODING}")
    if any(len(cell) > LONGEST_CELL for cell in cells):
        return Line(number, problem=f"a cell is longer than {LONGEST_CELL} characters")
    read = [disarmed(cell.strip()) for cell in cells]
    return Line(number, {name: cell for name, cell in zip(columns, read, strict=False) if name}, raw=read)


class _Borrowed(io.TextIOWrapper):
    """Text of a file that is not ours to close: the caller may still ask it how far we have come."""

    def close(self) -> None:
        pass


def _decoded(file: BinaryIO, encoding: str) -> TextIO:
    buffered = file if isinstance(file, io.BufferedReader) else io.BufferedReader(file)  # type: ignore[type-var]
    start = buffered.peek(4)[:4]
    found = encoding or next((name for bom, name in _BOMS if start.startswith(bom)), "utf-8")
    kind = next((words for mark, words in _NO_TEXT if start.startswith(mark)), "")
    if kind and not encoding:
        raise UnreadableFile(f"this is {kind}, no text file; open it and save the table as CSV (UTF-8)")
    try:
        codecs.lookup(found)
    except LookupError:
        raise UnreadableFile(f"{encoding!r} is no encoding; try utf-8, latin-1, cp1252 or utf-16") from None
    if found.startswith("utf-8") and start.count(b"\0") >= 2:
        raise UnreadableFile("this looks like UTF-16 without its mark; say --encoding utf-16-le")
    # Undecodable bytes are kept as marks, so that one bad row does not end the whole file.
    return _Borrowed(
        buffered, encoding=found, errors="surrogateescape" if "utf-8" in found else "replace", newline=""
    )


def _has_undecodable(text: str) -> bool:
    return _UNDECODABLE.search(text) is not None
