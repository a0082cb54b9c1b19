"""Facts go stale: every row says where it comes from and when somebody last looked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from campaigns.finding import Finding
from campaigns.source_files import CampaignFiles

_HEADER = r"""^[ \t]*\[\[?[ \t]*["']?{key}["']?[ \t]*\]"""
_NEXT = re.compile(r"^[ \t]*\[", re.MULTILINE)


def check_facts(files: CampaignFiles, facts: Mapping[str, Any], today: date | None) -> Iterator[Finding]:
    """A row needs `source`, an https address, and `reviewed_on`, at most 12 months before `today`.

    Without `today` the age is not looked at.
    """
    for stem, table in facts.items():
        text, file = files.texts[f"facts/{stem}.toml"], files.label(f"facts/{stem}.toml")
        for key, value in table.items():
            rows = value if isinstance(value, list) else [value]
            for number, row in enumerate(rows):
                place = _Place(text, key, number)
                if not isinstance(row, Mapping):
                    yield Finding("error", file, place.line(""), _OUTSIDE.format(key=key))
                    continue
                for field, message in _problems(row, today):
                    yield Finding("error", file, place.line(field), f"[{key}] {message}")


_OUTSIDE = "`{key}` stands outside of a row; a fact is a table [name] with source and reviewed_on"


def _problems(row: Mapping[str, Any], today: date | None) -> Iterator[tuple[str, str]]:
    source, reviewed_on = row.get("source"), row.get("reviewed_on")
    if source is None:
        yield "", 'has no source; add source = "https://..." where a reader can look it up'
    elif not isinstance(source, str) or not source.startswith("https://"):
        yield "source", f"has the source {source!r}; a source is an https:// address"
    if reviewed_on is None:
        yield "", "has no reviewed_on; add the day on which you went over it"
    elif type(reviewed_on) is not date:
        yield "reviewed_on", f"was reviewed on {reviewed_on!r}; write a day without quotes, like 2026-11-23"
    elif today and reviewed_on > today:
        yield "reviewed_on", f"was reviewed on {reviewed_on}, which is still to come"
    elif today and _a_year_after(reviewed_on) < today:
        yield (
            "reviewed_on",
            f"was last reviewed on {reviewed_on}, more than 12 months ago; "
            "go over it again and set the new date",
        )


def _a_year_after(day: date) -> date:
    leaps = (day.month, day.day) == (2, 29)
    return date(day.year + 1, 3, 1) if leaps else day.replace(year=day.year + 1)


class _Place:
    """Where a row stands in its file: tomllib keeps no lines."""

    def __init__(self, text: str, key: str, number: int) -> None:
        self._text = text
        headers = list(re.finditer(_HEADER.format(key=re.escape(key)), text, re.MULTILINE))
        found = headers[number] if number < len(headers) else None
        if found is None:  # `key = ...`, or a key that is quoted in a way we do not look for
            found = re.search(rf"""^[ \t]*["']?{re.escape(key)}["']?[ \t.=]""", text, re.MULTILINE)
        self._start = found.start() if found else 0
        after = _NEXT.search(text, found.end()) if found else None
        self._end = after.start() if after else len(text)

    def line(self, field: str) -> int:
        """The line of a field of the row; of the row where the field is not written."""
        within = self._text[self._start : self._end]
        found = re.search(rf"^[ \t]*{field}[ \t]*=", within, re.MULTILINE) if field else None
        return self._text.count("\n", 0, self._start + (found.start() if found else 0)) + 1
