"""The folder an operator works in: runup.toml, secrets.toml beside it, and how both are read."""

from __future__ import annotations

import difflib
import os
import re
import secrets
import tempfile
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any

FILE = "runup.toml"
SECRETS_FILE = "secrets.toml"


class WorkspaceError(Exception):
    """A file of the workspace cannot be used as it is; one problem per line."""


def find_workspace(start: Path) -> Path:
    """The nearest folder at or above `start` that holds runup.toml; `start` itself when there is none."""
    start = start.resolve()
    return next((folder for folder in (start, *start.parents) if (folder / FILE).is_file()), start)


def read_table(file: Path, *, known: Collection[str], elsewhere: Collection[str] = ()) -> dict[str, Any]:
    """The keys and values of a flat TOML file; empty when there is no file.

    Raises WorkspaceError with file and line for what TOML cannot be read as, for every key that is not in
    `known` (with the nearest one), and for one of `elsewhere`: a secret that does not belong here.
    """
    try:
        text = file.read_text("utf-8")
        values = tomllib.loads(text)
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as error:
        raise WorkspaceError(
            f"{file.name}: byte {error.start} is not UTF-8; save the file as UTF-8"
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise WorkspaceError(f"{file.name}: {error}") from None
    except OSError as error:
        raise WorkspaceError(f"{file.name} cannot be read: {error.strerror}") from None
    problems = [
        f"{file.name}:{line_of(text, key)}: {_problem(key, known=known, elsewhere=elsewhere)}"
        for key in values
        if key not in known
    ]
    if problems:
        raise WorkspaceError("\n".join(problems))
    return values


def line_of(text: str, key: str) -> int:
    """The line where `key` is given its value; 0 when it is not."""
    found = re.search(rf"^\s*(\[\s*)?[\"']?{re.escape(key)}[\"']?\s*[=.\]]", text, re.MULTILINE)
    return text.count("\n", 0, found.end()) + 1 if found else 0


def nearest(name: str, known: Collection[str]) -> str:
    """`; did you mean …?` or nothing: the end of a message about a name nobody knows."""
    close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""


def create_secrets(folder: Path) -> bool:
    """Write secrets.toml with fresh random keys, readable by its owner only. False when there is one already.

    Two processes that start at once agree on one file: the second finds the first one's.
    """
    target = folder / SECRETS_FILE
    if target.exists():
        return False
    # mkstemp creates it with mode 600; the link appears whole or not at all and never replaces a file.
    handle, name = tempfile.mkstemp(dir=folder, prefix=".secrets-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(_fresh())
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(name, target)
        except FileExistsError:
            return False
    finally:
        Path(name).unlink()
    return True


def _fresh() -> str:
    return (
        "# Keep this file safe and out of git; back it up. Whoever has it can sign links in your name.\n"
        "# Signs the links in every email. To change it, put a new key before the old ones.\n"
        f'secret_keys = ["{secrets.token_urlsafe(32)}"]\n'
        "# Hashes addresses. Never change it: those who must not be written to would be forgotten.\n"
        f'suppression_key = "{secrets.token_urlsafe(32)}"\n'
    )


def _problem(key: str, *, known: Collection[str], elsewhere: Collection[str]) -> str:
    if key in elsewhere:
        return f"{key} is a secret; put it into {SECRETS_FILE} or the environment (RUNUP_{key.upper()})"
    return f"there is no setting {key[:60]!r}{nearest(key, known)}"
