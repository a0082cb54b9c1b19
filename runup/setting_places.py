"""Where the value of a setting was given: for those who have to correct it, or wonder."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from runup.workspace import FILE, SECRETS_FILE, line_of, nearest

PREFIX = "RUNUP_"


def place_of(name: str, folder: Path) -> str:
    """`RUNUP_RATE (environment)`, `runup.toml:3`, or nothing for a default. The environment wins."""
    variable = PREFIX + name.upper()
    if any(other.upper() == variable and value for other, value in os.environ.items()):
        return f"{variable} (environment)"
    for file in (folder / SECRETS_FILE, folder / FILE):
        if file.is_file() and (line := line_of(file.read_text("utf-8"), name)):
            return f"{file.name}:{line}"
    return ""


def unknown_variables(names: Collection[str]) -> Iterator[str]:
    """One line per `RUNUP_…` in the environment that is none of the settings: a typing error nobody would
    notice."""
    known = {PREFIX + name.upper() for name in names}
    for name in sorted(os.environ):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            yield f"{name} is no setting{nearest(name.upper(), known)}"
