"""A campaign's files become one version: per step and part the Jinja source all recipients share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.resources import files as package_files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from campaigns.confined import Limits, run_confined
from campaigns.context import Brand
from campaigns.marks import Origin
from campaigns.source_files import load_facts, read_files


@dataclass(frozen=True)
class CompiledCampaign:
    """One version of a campaign, ready for every recipient. Safe to keep and share between threads."""

    name: str
    version: str
    """Changes when any input file changes; 16 hex digits."""
    sources: Mapping[str, Mapping[str, str]]
    """By step and part (`subject`, `preheader`, `html`, `text`): Jinja for the recipient's stage."""
    facts: Mapping[str, Any]
    origins: Mapping[str, Mapping[str, tuple[Origin, ...]]] = field(default_factory=dict, repr=False)
    """By step and part, for each line of the source: where it was written."""


def compile_campaign(
    folder: Traversable | Path,
    *,
    base: Traversable | Path | None = None,
    brand: Brand,
    limits: Limits | None = None,
) -> CompiledCampaign:
    """Compiles in a child process with limits, two seconds for twenty emails. Raises CampaignError.

    `base` is the folder of the layout and the components; the shipped one unless given.
    """
    files = read_files(folder, base or package_files("templates") / "_base")
    facts = load_facts(files)
    request = {"files": asdict(files), "brand": asdict(brand)}
    answer = run_confined("compile", request, limits or Limits(), files.name)
    sources = {step: {part: one["source"] for part, one in parts.items()} for step, parts in answer.items()}
    origins = {
        step: {part: tuple(Origin(*pair) for pair in one["origins"]) for part, one in parts.items()}
        for step, parts in answer.items()
    }
    return CompiledCampaign(files.name, files.version, sources, facts, origins)
