"""The head of an issue's file: TOML between two lines of `+++`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any

from campaigns.errors import CampaignError
from campaigns.languages import OWN, is_language
from campaigns.toml_table import Source, Table
from campaigns.variants import DecideBy, Variant
from campaigns.variants_table import decide_by, variants_of

FENCE = "+++"
LONGEST = 200
"""Characters of a subject or a preheader."""
_KINDS: dict[str, tuple[type, str]] = {
    "subject": (str, "text in quotes"),
    "preheader": (str, "text in quotes"),
    "audience": (str, "text in quotes, such as \"subscriber.home_zone == 'Europe/Berlin'\""),
    "language": (str, 'two letters in quotes, such as "de"'),
    "greeting": (bool, "true or false"),
    "public": (bool, "true or false"),
    "at": (datetime, "a moment without quotes, such as 2026-12-04T09:00:00+01:00"),
    "local_time": (datetime, "a day and an hour without quotes, such as 2026-12-04T09:00:00"),
}


@dataclass(frozen=True, kw_only=True)
class Front:
    """What the head says, checked. At most one of `at` and `local_time` is there."""

    subject: str
    preheader: str = ""
    audience: str = ""
    """A filter over the list's readers; empty: all of them."""
    language: str = OWN
    greeting: bool = True
    """Whether the issue greets its reader below the heading."""
    public: bool = True
    """Whether the archive shows it once it is sent, given that its list is public."""
    at: datetime | None = None
    """One moment for everybody; aware UTC."""
    local_time: datetime | None = None
    """The wall time at which it leaves where each reader lives; without a zone."""
    variants: tuple[Variant, ...] = ()
    decide: DecideBy | None = None
    """The rule between the variants; there where they are."""


def split_front(text: str, file: str) -> tuple[str, str]:
    """The TOML of the head and the rest, both on the lines on which they stand in the file.

    Raises CampaignError where the head does not begin on the first line or does not end.
    """
    lines = text.split("\n")
    if lines[0].strip() != FENCE:
        hint = " (not ---: the head is TOML)" if lines[0].strip() == "---" else ""
        raise CampaignError(file, 1, f'an issue begins with a line {FENCE}{hint}, then subject = "…"')
    end = next((number for number, line in enumerate(lines[1:], start=1) if line.strip() == FENCE), 0)
    if not end:
        raise CampaignError(file, 1, f"the head is not closed; end it with a second line {FENCE}")
    return "\n".join(["", *lines[1:end]]), "\n" * (end + 1) + "\n".join(lines[end + 1 :])


def read_front(head: str, file: str) -> Front:
    """Raises CampaignError with the line of the first fault."""
    try:
        table = tomllib.loads(head)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        line = re.search(r"at line (\d+)", str(error))
        at = int(line[1]) if line else head.count("\n") + 1  # at its end, says the reader of TOML
        raise CampaignError(file, at, f"the head is not valid TOML: {error}") from None
    variants, rule = _variants(head, file, table)
    for key, value in table.items():
        if problem := _problem(key, value):
            raise CampaignError(file, line_of_key(head, key), problem)
    if "subject" not in table:
        raise CampaignError(file, 1, 'the head has no subject; write subject = "…"')
    if "at" in table and "local_time" in table:
        message = "an issue leaves at one moment (at) or at one local hour (local_time), not both"
        raise CampaignError(file, line_of_key(head, "local_time"), message)
    if "at" in table:
        table["at"] = table["at"].astimezone(UTC)
    return Front(**table, variants=variants, decide=rule)


def _variants(head: str, file: str, table: dict[str, Any]) -> tuple[tuple[Variant, ...], DecideBy | None]:
    """Taken out of the table; read as those of a campaign's step are."""
    mine = {key: table.pop(key) for key in ("variants", "decide") if key in table}
    read = Table(Source(file, head), mine, "", -1)
    return variants_of(read), decide_by(read, is_issue=True)


def line_of_key(head: str, key: str) -> int:
    """The line of the file on which a key is given its value; 1 when it is not."""
    found = re.search(rf"^[ \t]*[\"']?{re.escape(key)}[\"']?[ \t]*[=.]", head, re.MULTILINE)
    return head.count("\n", 0, found.start()) + 1 if found else 1


def _problem(key: str, value: Any) -> str:
    """What is wrong with one line of the head, or nothing."""
    if key not in _KINDS:
        known = [*_KINDS, "variants", "decide"]
        near = get_close_matches(key, known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"there is: {', '.join(known)}"
        return f"an issue has no {key[:60]!r}; {hint}"
    kind, example = _KINDS[key]
    if type(value) is not kind:  # a day alone is no moment
        return f"{key} must be {example}"
    return _PROBLEMS.get(key, lambda _: "")(value)


def _moment_problem(value: datetime) -> str:
    if value.utcoffset() is None:
        return "at needs its offset, as in 2026-12-04T09:00:00+01:00; for one local hour write local_time"
    return ""


def _wall_problem(value: datetime) -> str:
    if value.utcoffset() is not None:
        return "local_time is on each reader's own clock, so it has no offset; for one moment write at"
    return ""


def _language_problem(value: str) -> str:
    if not is_language(value):
        return f"there is no language {value[:20]!r}; write its two letters, such as en or de"
    return ""


def _subject_problem(value: str) -> str:
    return "subject must not be empty" if not value.strip() else _line_problem("subject", value)


def _line_problem(key: str, value: str) -> str:
    if "\n" in value or not value.isprintable():
        return f"{key} must be one line"
    if len(value) > LONGEST:
        return f"{key} has {len(value)} characters; at most {LONGEST} fit"
    return ""


_PROBLEMS: dict[str, Callable[[Any], str]] = {
    "subject": _subject_problem,
    "preheader": lambda value: _line_problem("preheader", value),
    "language": _language_problem,
    "at": _moment_problem,
    "local_time": _wall_problem,
}
