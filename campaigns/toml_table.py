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
            if re.match(rf"\s*{re.escape(field)}\s*=", self._lines[number]):
                return number + 1
        return begin + 1 if step >= 0 else 0


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
