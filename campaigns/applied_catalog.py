"""The campaigns as they were applied: who sends and who plans works with these, never with the files in the
making."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from threading import Lock

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.catalog import Catalog, words_of
from campaigns.compiling import CompiledCampaign
from campaigns.enrollment import Campaign
from campaigns.errors import CampaignError
from campaigns.rendering import Renderer
from campaigns.sequence import Sequence
from campaigns.source_files import CampaignFiles
from campaigns.timetable import sequence_of
from campaigns.version import read_version

_KEPT = 32
"""Versions one process keeps ready: of each campaign the newest, and the one before while it is in use."""


@dataclass(frozen=True)
class Version:
    """The files of one applied version, or why they cannot be used."""

    number: int
    files: CampaignFiles | None
    sequence: Sequence | None
    error: CampaignError | None = None


class Applied(Catalog):
    """The versions that count in one transaction; what is asked of it does not change, whoever applies what
    meanwhile. A campaign that nobody has seen yet is as its files are, which will be its version 1."""

    def __init__(self, working: Catalog, versions: Mapping[str, Version]) -> None:
        self.brand = working.brand
        self.base = working.base
        self.run = working.run
        self._working = working
        self._versions = versions

    def keys(self) -> list[str]:
        return sorted({*self._working.keys(), *self._versions})

    def number(self, key: str) -> int:
        """The number of the version in use; 0 for a campaign nobody has seen."""
        return self._versions[key].number if key in self._versions else 0

    def folder(self, key: str) -> Traversable | Path:
        return self._working.folder(key)

    def files(self, key: str) -> CampaignFiles:
        if key not in self._versions:
            return self._working.files(key)
        version = self._versions[key]
        if version.files is None:
            raise version.error or CampaignError(key, 0, "this version cannot be read")
        return version.files

    def sequence(self, key: str) -> Sequence:
        if key not in self._versions:
            return self._working.sequence(key)
        version = self._versions[key]
        if version.sequence is None:
            raise version.error or CampaignError(key, 0, "this version cannot be read")
        return version.sequence

    def compiled(self, key: str) -> CompiledCampaign:
        return words_of(self.files(key), self.brand, run=self.run).compiled

    def renderer(self, key: str) -> Renderer:
        return words_of(self.files(key), self.brand, run=self.run).renderer


def applied(session: Session, catalog: Catalog) -> Applied:
    """The campaigns as this transaction sees them applied. Each version is read once per process."""
    if isinstance(catalog, Applied):
        return catalog
    found = session.execute(_APPLIED)
    return Applied(catalog, {key: _version(session, key, number, name) for key, number, name in found})


def with_files(catalog: Applied, files: CampaignFiles) -> Applied:
    """The same shelf, had these files been applied as the next version of their campaign.

    Raises CampaignError when their timetable cannot be read."""
    number = catalog.number(files.name) + 1
    version = Version(number, files, sequence_of(files))
    return Applied(catalog._working, {**catalog._versions, files.name: version})


def _version(session: Session, key: str, number: int, name: str) -> Version:
    with _LOCK:
        if found := _VERSIONS.get((key, number, name)):
            return found
    made = _read(session, key, number)
    with _LOCK:
        _VERSIONS[key, number, name] = made
        while len(_VERSIONS) > _KEPT:
            _VERSIONS.popitem(last=False)
    return made


def _read(session: Session, key: str, number: int) -> Version:
    try:
        files = read_version(session, key, number)
        if files is None:
            raise CampaignError(f"{key}, version {number}", 0, "its files are not in the database")
        return Version(number, files, sequence_of(files))
    except CampaignError as error:
        return Version(number, None, None, error)


_APPLIED = select(Campaign.key, Campaign.number, Campaign.version).where(Campaign.number > 0)
_VERSIONS: OrderedDict[tuple[str, int, str], Version] = OrderedDict()
_LOCK = Lock()
