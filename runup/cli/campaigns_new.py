"""`runup campaigns new`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from campaigns.scaffolding import SMALLEST, patterns, scaffold
from runup.cli.errors import BadInput
from runup.cli.shelf import catalog_of
from runup.cli.terminal import say
from runup.settings import Settings
from runup.workspace import FILE, nearest

_FOLDER = "templates"


def new(
    name: Annotated[str, Parameter(name="NAME", help="Its key and its folder: small letters, digits and _.")],
    /,
    *,
    pattern: Annotated[str, Parameter(name="--from")] = SMALLEST,
) -> None:
    """Make a campaign of your own from the smallest one, an example, or one that is there.

    Parameters
    ----------
    pattern
        What it starts as: minimal, exam, or a campaign's key, whose words are copied for you to change.
    """
    settings = Settings.load()
    known = patterns(catalog_of(settings))
    if pattern not in known:
        raise BadInput(
            f"there is nothing called {pattern!r} to start from"
            f"{nearest(pattern, known) or '; there is: ' + ', '.join(known)}"
        )
    folder = settings.templates or settings.home / _FOLDER
    if settings.templates is None and (folder / name).exists():
        raise BadInput(f"{_FOLDER}/{name} is there already; choose another name")
    steps = scaffold(known[pattern], folder / name, name=_title(name))
    say(f"Made {_short(folder, settings.home)}/{name} with {len(steps)} emails: {', '.join(steps)}.")
    if settings.templates is None:
        _point_to(settings.home / FILE)
        say(f'{FILE} says now where your campaigns are: templates = "{_FOLDER}".')
    say(f"Next: runup campaigns check {name}, then runup preview {name}.")


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _short(folder: Path, home: Path) -> str:
    return str(folder.relative_to(home)) if folder.is_relative_to(home) else str(folder)


def _point_to(file: Path) -> None:
    """Add the one setting that makes the folder a shelf. No line of the file is changed."""
    text = file.read_text("utf-8") if file.exists() else ""
    gap = "" if not text or text.endswith("\n") else "\n"
    file.write_text(f'{text}{gap}templates = "{_FOLDER}"\n', "utf-8")
