"""A TOML file read table by table, with errors that say where: tomllib keeps no lines."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from campaigns.errors import CampaignError

T = TypeVar("T")


class Source:
    """The text of a timetable, to find the line of a field in it: tomllib keeps none."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self._lines = text.splitlines()

    def parse(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            found = re.search(r"line (\d+)", str(error))
            raise CampaignError(self.file, int(found[1]) if found else 0, f"not TOML: {error}") from None

    def line(self, step: int, field: str) -> int:
        """The line of `field` in the step of that index; of the step itself, or 0, when it is not written."""
        starts = [n for n, line in enumerate(self._lines) if re.match(r"\s*\[\[\s*step\s*\]\]", line)]
        if step >= len(starts):
            return 0
        begin = starts[step] if step >= 0 else 0
        end = starts[step + 1] if step + 1 < len(starts) else len(self._lines)
        for number in range(begin, end):
            if re.match(
                rf"\s*({re.escape(field)}\s*=|\[+(step\.)?{re.escape(field)}\])", self._lines[number]
            ):
                return number + 1
        return begin + 1 if step >= 0 else 0

    def line_of_entry(self, step: int, field: str, index: int, key: str) -> int:
        """The line of `key` in the entry of that index of a list of tables, however the list is written."""
        first = self.line(step, field)
        if re.match(r"\s*\[\[", self._lines[first - 1]):
            heads = [n for n in range(first, len(self._lines) + 1) if self._is_head(n, field)]
            ends = [n for n in range(heads[index] + 1, len(self._lines) + 1) if self._is_head(n, "")]
            block = range(heads[index] + 1, ends[0] if ends else len(self._lines) + 1)
            found = (n for n in block if re.match(rf"\s*{re.escape(key)}\s*=", self._lines[n - 1]))
            return next(found, heads[index])
        return _line_of_table("\n".join(self._lines[first - 1 :]), index) + first

    def _is_head(self, number: int, field: str) -> bool:
        return bool(re.match(rf"\s*\[.*{re.escape(field)}\s*\]", self._lines[number - 1]))


def _line_of_table(text: str, index: int) -> int:
    """How many lines above the inline table of that index there are; such a table has one line."""
    depth, count = 0, -1
    for found in re.finditer(r"""\"(?:\\.|[^"\\])*"|'[^']*'|\#[^\n]*|[{}]""", text):
        depth += {"{": 1, "}": -1}.get(found[0], 0)
        count += found[0] == "{" and depth == 1
        if count == index:
            return text.count("\n", 0, found.start())
    return 0


class Table:
    """One table of the file, read field by field with errors that name step, field and line."""

    def __init__(self, source: Source, data: Any, name: str, step: int, field: str = "") -> None:
        self.source, self.data, self.name, self.step, self.field = source, data, name, step, field
        if not isinstance(data, Mapping):
            raise self.error("", f"{data!r} is not a table; write it like {{ day = -2, time = 09:00:00 }}")

    def error(self, field: str, message: str) -> CampaignError:
        path = ".".join(part for part in (self.field, field) if part)
        where = ", ".join(part for part in (self.name, path) if part)
        return CampaignError(
            self.source.file, self.source.line(self.step, self.field or field), f"{where}: {message}"
        )

    def only(self, known: Collection[str]) -> None:
        for key in sorted(self.data.keys() - set(known)):
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(sorted(known))}"
            raise self.error(key, f"there is no such key{hint}")

    def take(self, field: str, read: Callable[[Any], T], *, default: Any = None) -> T:
        value = self.data.get(field, default)
        if value is None:
            raise self.error(field, "is missing")
        try:
            return read(value)
        except ValueError as error:
            raise self.error(field, str(error)) from None

    def table(self, field: str, index: int | None = None) -> Table:
        value = self.data.get(field)
        if value is None:
            raise self.error(field, "is missing")
        return Table(self.source, value if index is None else value[index], self.name, self.step, field)


class Entry(Table):
    """One table of a list of tables, such as one variant of a step."""

    def __init__(self, parent: Table, field: str, index: int) -> None:
        super().__init__(parent.source, parent.data[field][index], parent.name, parent.step, field)
        self._index = index

    def line_of(self, field: str) -> int:
        return self.source.line_of_entry(self.step, self.field, self._index, field)

    def error(self, field: str, message: str) -> CampaignError:
        key = self.data.get("key", self._index + 1)
        where = ", ".join(part for part in (self.name, f"variant {key!r}", field) if part)
        return CampaignError(self.source.file, self.line_of(field), f"{where}: {message}")
