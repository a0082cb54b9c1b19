"""A campaign's files become one version: per step and part the Jinja source all recipients share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from importlib.resources import files as package_files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from campaigns.confined import Limits, run_confined
from campaigns.context import Brand
from campaigns.languages import ENGLISH, Language, languages
from campaigns.marks import Origin
from campaigns.source_files import PARTS, CampaignFiles, load_facts, read_files
from campaigns.variants import MARK

Run = Callable[[str, dict[str, Any], Limits, str], Any]
"""`run_confined`, or what stands in for it."""


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
    language: Language = ENGLISH
    """What these words are written in."""
    translations: Mapping[str, CompiledCampaign] = field(default_factory=dict, repr=False)
    """The same version in other languages, by code, with those steps of which every part is there."""

    def file(self, step: str, part: str) -> str:
        """Where a part was written, as people know it: `exam/eve/body.de.mjml`."""
        if MARK in step:
            return self._file_of_variant(step, part)
        return f"{self.name}/{step}/{self.language.name(PARTS[part])}"

    def _file_of_variant(self, wording: str, part: str) -> str:
        """Told by its lines: its folder, its step's, or the timetable."""
        names = (f"/{self.language.name(PARTS[part])}", "/sequence.toml")
        origins = self.origins.get(wording, {}).get(part, ())
        otherwise = f"{self.name}/{wording}/{PARTS[part]}"
        return next((one.file for one in origins if one.file.endswith(names)), otherwise)


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
    return compile_files(
        read_files(folder, base or package_files("templates") / "_base"), brand=brand, limits=limits
    )


def compile_files(
    files: CampaignFiles, *, brand: Brand, limits: Limits | None = None, run: Run = run_confined
) -> CompiledCampaign:
    """The same of files that have been read already, be it years ago.

    `run` takes the job to where it is done; whoever trusts the templates may do it in this process.
    """
    # Only whoever has a child make it reads timetables; the child begins in a fifth of the time without.
    from campaigns.wordings import with_variants

    request = {"files": asdict(with_variants(files).without_timetable()), "brand": asdict(brand)}
    answer = run("compile", request, limits or Limits(), files.name)
    own, *others = (_compiled(files, language, answer[language.code]) for language in languages(files.texts))
    return replace(own, translations={one.language.code: one for one in others if one.sources})


def _compiled(
    files: CampaignFiles, language: Language, answer: Mapping[str, Mapping[str, Any]]
) -> CompiledCampaign:
    sources = {step: {part: one["source"] for part, one in parts.items()} for step, parts in answer.items()}
    origins = {
        step: {part: tuple(Origin(*pair) for pair in one["origins"]) for part, one in parts.items()}
        for step, parts in answer.items()
    }
    facts = load_facts(files, "" if language.is_own else language.code)
    return CompiledCampaign(files.name, files.version, sources, facts, origins, language)
