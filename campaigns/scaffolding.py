"""A new campaign to begin with: the files of another one, in a folder of your own."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from campaigns.catalog import Catalog
from campaigns.errors import CampaignError
from campaigns.source_files import SUFFIXES

SMALLEST = "minimal"
"""The example with nothing in it but what every campaign needs."""
KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
_NAME = re.compile(r"^name(\s*)=.*$", re.MULTILINE)


def patterns(catalog: Catalog) -> Mapping[str, Traversable | Path]:
    """What a new campaign can be made from, by name: the campaigns on the shelf and the shipped examples."""
    examples = {entry.name: entry for entry in (files("templates") / "_examples").iterdir() if entry.is_dir()}
    keys = catalog.keys()
    return {**examples, **{key: catalog.folder(key) for key in keys}}


def scaffold(pattern: Traversable | Path, target: Path, *, name: str) -> list[str]:
    """Copy the pattern's files into `target`, which must not exist, as a campaign called `name`.

    Returns the folders of its emails. Raises CampaignError when `target` is there or is no key.
    """
    if not KEY.fullmatch(target.name):
        raise CampaignError(
            target.name, 0, "a campaign's key is small letters, digits and _, beginning with a letter"
        )
    if target.exists():
        raise CampaignError(target.name, 0, "there is a campaign of that name in your folder already")
    _copy(pattern, target)
    timetable = target / "sequence.toml"
    titled = _NAME.sub(
        lambda found: f"name{found[1]}= {json.dumps(name, ensure_ascii=False)}",
        timetable.read_text("utf-8"),
        count=1,
    )
    timetable.write_text(titled, "utf-8")
    return sorted(entry.name for entry in target.iterdir() if (entry / "subject.txt").is_file())


def _copy(source: Traversable | Path, target: Path) -> None:
    target.mkdir(parents=True)
    for entry in source.iterdir():
        if entry.name.startswith((".", "__")):
            continue
        if entry.is_dir():
            _copy(entry, target / entry.name)
        elif entry.name.endswith(SUFFIXES):
            (target / entry.name).write_bytes(entry.read_bytes())
