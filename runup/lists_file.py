"""The newsletters of an installation: `lists.toml` in the workspace, or the one list there is without it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from runup.workspace import WorkspaceError, line_of, nearest
from subscribers import NewsletterList

FILE = "lists.toml"
ONLY = NewsletterList(
    key="newsletter", name="The newsletter", about="Now and then, what helps in interviews."
)
"""What there is when nobody has written a file."""
_KEY = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_FIELDS = {"name": str, "about": str, "public": bool}


def read_lists(folder: Path) -> tuple[NewsletterList, ...]:
    """The lists of the workspace `folder`, in the order of the file.

    Raises WorkspaceError with one line per fault, each with the file's line.
    """
    file = folder / FILE
    try:
        text = file.read_text("utf-8")
        tables = tomllib.loads(text)
    except FileNotFoundError:
        return (ONLY,)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise WorkspaceError(f"{FILE}: {error}") from None
    except OSError as error:
        raise WorkspaceError(f"{FILE} cannot be read: {error.strerror}") from None
    problems = [f"{FILE}:{line_of(text, key)}: {problem}" for key, problem in _problems(tables)]
    if problems:
        raise WorkspaceError("\n".join(problems))
    return tuple(
        NewsletterList(
            key=key, name=table["name"], about=table.get("about", ""), is_public=table.get("public", True)
        )
        for key, table in tables.items()
    )


def _problems(tables: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, table in tables.items():
        if not isinstance(table, dict):
            yield key, f"{key} stands outside a list; begin with a line such as [newsletter]"
            continue
        if not _KEY.fullmatch(key):
            yield key, f"{key[:60]!r} is no key; use small letters, digits, - and _, at most 40"
        for field in table.keys() - _FIELDS.keys():
            yield field, f"there is no field {field[:60]!r}{nearest(field, _FIELDS)}"
        for field, kind in _FIELDS.items():
            if field in table and not isinstance(table[field], kind):
                yield field, f"{field} must be {'text' if kind is str else 'true or false'}"
        name = table.get("name", "")
        if isinstance(name, str) and not (name.strip() and name.isprintable() and len(name) <= 80):
            yield key, f"[{key}] needs a name of one line, at most 80 characters"
