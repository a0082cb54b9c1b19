"""Which column of a stranger's file means which of ours: said once, and remembered in a file."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from subscribers.csv_file import UnreadableFile, column_name

ABOUT_ERRORS = ("error_row", "error_column", "error_problem", "error_remedy")
"""What a list of refused rows adds to them. Left alone when the list is put right and imported."""
EACH_THEIR_OWN = ("email", "consent_at", "consent_proof", "confirmed_at")
"""What cannot be said for a whole file at once."""


class InvalidMapping(ValueError):
    """A mapping that makes no sense, or not for this file; the message says what to change."""


@dataclass(frozen=True)
class ColumnMapping:
    """`columns`: ours to theirs, as they spell it. `ignored`: theirs to leave alone. `always`: a value for
    every row that tells none."""

    columns: Mapping[str, str] = field(default_factory=dict)
    ignored: Sequence[str] = ()
    always: Mapping[str, str] = field(default_factory=dict, repr=False)

    def over(self, other: ColumnMapping) -> ColumnMapping:
        """This one, and what `other` says besides."""
        return ColumnMapping(
            {**other.columns, **self.columns},
            tuple(dict.fromkeys((*other.ignored, *self.ignored))),
            {**other.always, **self.always},
        )

    def __bool__(self) -> bool:
        return bool(self.columns or self.ignored or self.always)


def parse_mapping(
    pairs: Iterable[str], ignored: Iterable[str], always: Iterable[str], *, known: Collection[str]
) -> ColumnMapping:
    """From what an operator types: `email=E-Mail` … Raises InvalidMapping."""
    columns = dict(_pair(text, "--map", "email=E-Mail", known) for text in pairs)
    values = dict(_pair(text, "--set", "home_zone=Europe/Berlin", known) for text in always)
    for name in values:
        if name in EACH_THEIR_OWN:
            raise InvalidMapping(f"--set {name}=…: that is each person's own and needs a column in the file")
    return ColumnMapping(columns, tuple(ignored), values)


def load_mapping(file: Path, *, known: Collection[str]) -> ColumnMapping:
    """The mapping that was kept in `file`. Raises InvalidMapping naming it."""
    try:
        tables = tomllib.loads(file.read_text("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidMapping(f"{file}: {error}") from None
    columns, always, ignored = tables.get("columns", {}), tables.get("set", {}), tables.get("ignore", [])
    for name in tables.keys() - {"columns", "set", "ignore"}:
        raise InvalidMapping(f"{file}: there is no {name!r}; it holds [columns], [set] and ignore = [...]")
    for table, key in ((columns, "columns"), (always, "set")):
        if not isinstance(table, dict) or not all(isinstance(value, str) for value in table.values()):
            raise InvalidMapping(f'{file}: [{key}] holds lines such as email = "E-Mail"')
    if not isinstance(ignored, list) or not all(isinstance(name, str) for name in ignored):
        raise InvalidMapping(f'{file}: ignore is a list of columns, such as ["Shoe size"]')
    try:
        return parse_mapping(
            [f"{ours}={theirs}" for ours, theirs in columns.items()],
            ignored,
            [f"{ours}={value}" for ours, value in always.items()],
            known=known,
        )
    except InvalidMapping as error:
        raise InvalidMapping(f"{file}: {error}") from None


def save_mapping(file: Path, mapping: ColumnMapping) -> None:
    """Keep it for the next file of this kind."""
    lines = ["# How the columns of such a file are read; `runup subscribers import --mapping` takes it."]
    if mapping.ignored:
        lines.append(f"ignore = [{', '.join(map(_text, mapping.ignored))}]")
    for name, table in (("columns", mapping.columns), ("set", mapping.always)):
        if table:
            lines += ["", f"[{name}]", *(f"{key} = {_text(value)}" for key, value in table.items())]
    file.write_text("\n".join(lines) + "\n", "utf-8")


def renaming(mapping: ColumnMapping, columns: Sequence[str], *, known: Collection[str]) -> dict[str, str]:
    """Theirs to ours, for the columns of a file; those to leave alone are not in it.

    Raises UnreadableFile for a column nobody knows, one the file lacks, and two that mean the same.
    """
    ours = {column_name(theirs): name for name, theirs in mapping.columns.items()}
    for theirs, name in ours.items():
        if theirs not in columns:
            words = f"the file has no column {theirs[:60]!r} to be read as {name}{_nearest(theirs, columns)}"
            raise UnreadableFile(f"{words} (it has: {_listed(columns)})")
    left_alone = {*map(column_name, mapping.ignored), *ABOUT_ERRORS, ""}
    found: dict[str, str] = {}
    for column in columns:
        name = ours.get(column) or (column if column in known else "")
        if column in left_alone and column not in ours:
            continue
        if not name:
            raise UnreadableFile(_unknown(column, known))
        if name in found.values():
            raise UnreadableFile(f"two columns are read as {name}; --ignore {column[:60]} leaves one out")
        found[column] = name
    return found


def _unknown(column: str, known: Collection[str]) -> str:
    near = _nearest(column, known)
    return (
        f"there is no column {column[:60]!r}{near} (known: {', '.join(known)}; --map email={column[:60]} "
        f"says what it means, --ignore {column[:60]} leaves it alone)"
    )


def _pair(text: str, option: str, example: str, known: Collection[str]) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    name = column_name(name)
    if not sign or not value.strip():
        raise InvalidMapping(f"{option}: {text[:60]!r} is no pair; write it like {example}")
    if name not in known:
        near = _nearest(name, known)
        raise InvalidMapping(f"{option}: runup has no column {name[:60]!r}{near}; write it like {example}")
    return name, value.strip()


def _nearest(name: str, names: Collection[str]) -> str:
    near = get_close_matches(name, names, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _listed(names: Sequence[str]) -> str:
    shown = [name[:40] for name in names if name][:12]
    return ", ".join(shown) + (", …" if len(names) > len(shown) else "")


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)  # a TOML basic string is written as a JSON one
