from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from threading import Lock

from campaigns.compiling import CompiledCampaign, Run, compile_files
from campaigns.confined import run_confined
from campaigns.context import Brand
from campaigns.errors import CampaignError
from campaigns.rendering import Renderer
from campaigns.sequence import Sequence
from campaigns.source_files import CampaignFiles, read_files
from campaigns.timetable import load_sequence

_KEPT = 32
"""Versions whose words one process keeps ready."""


class Catalog:
    """The campaigns on the shelf: those shipped with the package and, before them, an operator's own.

    These are the files as they are now. What leaves is of the version that was applied: see
    `campaigns.applied_catalog`.

    Sequences are read when asked for; words are compiled once per version, in a child process unless `run`
    takes that elsewhere or remembers the answer.
    """

    def __init__(
        self, *, folder: Path | None = None, brand: Brand | None = None, run: Run = run_confined
    ) -> None:
        self.brand = brand or Brand()
        self.run = run
        self._shelves: list[Traversable | Path] = [*([folder] if folder else []), files("templates")]
        own = folder / "_base" if folder else None
        self.base: Traversable | Path = own if own and own.is_dir() else files("templates") / "_base"
        """The layout all campaigns stand on: the operator's `_base`, or the shipped one."""
        self._sequences: dict[str, Sequence] = {}
        self._renderers: dict[str, Renderer] = {}
        self._lock = Lock()

    def keys(self) -> list[str]:
        """Every campaign's key, sorted."""
        return sorted(
            {entry.name for shelf in self._shelves for entry in shelf.iterdir() if _is_campaign(entry)}
        )

    def folder(self, key: str) -> Traversable | Path:
        """Where the campaign's files are. Raises CampaignError when there is no such campaign."""
        for shelf in self._shelves:
            if _is_campaign(shelf / key):
                return shelf / key
        raise CampaignError(
            key, 0, f"there is no such campaign; known are {', '.join(self.keys()) or 'none'}"
        )

    def files(self, key: str) -> CampaignFiles:
        """The campaign's files as they are now. Raises CampaignError."""
        return read_files(self.folder(key), self.base)

    def sequence(self, key: str) -> Sequence:
        with self._lock:
            if key not in self._sequences:
                version = self.files(key).version
                self._sequences[key] = replace(load_sequence(self.folder(key)), version=version)
            return self._sequences[key]

    def renderer(self, key: str) -> Renderer:
        with self._lock:
            if key not in self._renderers:
                self._renderers[key] = words_of(self.files(key), self.brand, run=self.run).renderer
            return self._renderers[key]

    def languages(self, key: str) -> list[str]:
        """What the campaign's words are written in, its own language first."""
        compiled = self.compiled(key)
        return [compiled.language.code, *compiled.translations]

    def compiled(self, key: str) -> CompiledCampaign:
        """The campaign's words of this version, compiled once per process."""
        return words_of(self.files(key), self.brand, run=self.run).compiled


@dataclass(frozen=True)
class Words:
    """One version's words, ready for every recipient."""

    compiled: CompiledCampaign
    renderer: Renderer


def words_of(of: CampaignFiles, brand: Brand, *, run: Run = run_confined) -> Words:
    """Compiled once per version and process. Raises CampaignError.

    Where the site is does not belong to how emails look: links come with each person's context.
    """
    look = replace(brand, site_url="")
    key = (of.name, of.version, look)
    with _COMPILING:
        if key not in _WORDS:
            compiled = compile_files(of, brand=look, run=run)
            _WORDS[key] = Words(compiled, Renderer(compiled))
            while len(_WORDS) > _KEPT:
                _WORDS.popitem(last=False)
        return _WORDS[key]


_WORDS: OrderedDict[tuple[str, str, Brand], Words] = OrderedDict()
_COMPILING = Lock()


def _is_campaign(entry: Traversable | Path) -> bool:
    return entry.is_dir() and (entry / "sequence.toml").is_file()
