"""A campaign's files, read once: from here on nothing of a campaign touches the file system."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from campaigns.errors import CampaignError
from campaigns.languages import overlay, own_language, written_in
from campaigns.variants import step_of

PARTS = {"subject": "subject.txt", "preheader": "preheader.txt", "html": "body.mjml", "text": "body.txt"}
SUFFIXES = (".mjml", ".txt", ".toml")
MAX_FILE = 300_000
MAX_TOTAL = 5_000_000
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True)
class CampaignFiles:
    """Every input of one version, by path: `details/body.mjml` inside the campaign, or `_base/...`."""

    name: str
    texts: Mapping[str, str]
    version: str
    """The first 16 hex digits of a SHA-256 over every path and every text."""
    written: Mapping[str, str] = field(default_factory=dict)
    """Of paths that nobody wrote, such as a variant's: the file in which their text stands."""
    aside: Collection[str] = ()
    """Folders with words for something else than a step of that name."""

    @property
    def steps(self) -> list[str]:
        """The folders of emails, those of variants right behind their step's."""
        folders = {path.split("/")[0] for path in self.texts if "/" in path} - {*self.aside, "facts"}
        return sorted((folder for folder in folders if not folder.startswith("_")), key=_in_order)

    def without_timetable(self) -> CampaignFiles:
        """What the emails are made of: of the timetable only its language, and so no version's name either.

        Another hour makes no other words, and nobody has to look at them again."""
        timetable = f'language = "{own_language(self.texts)}"\n'
        return replace(self, texts={**self.texts, "sequence.toml": timetable}, version="")

    def label(self, path: str) -> str:
        """The path as people know it: campaign first, so that two campaigns' errors can be told apart."""
        path = self.written.get(path, path)
        return path if path.startswith("_base/") else f"{self.name}/{path}"


def _in_order(folder: str) -> tuple[str, str]:
    return step_of(folder), folder


def read_files(folder: Traversable | Path, base: Traversable | Path) -> CampaignFiles:
    """Reads a campaign and the design it stands on. Raises CampaignError where a file is unreadable."""
    if not folder.is_dir():
        raise CampaignError(folder.name, 0, "there is no such campaign folder")
    texts = dict(_texts(folder, "", folder.name)) | read_design(base)
    if sum(map(len, texts.values())) > MAX_TOTAL:
        raise CampaignError(
            folder.name, 0, f"the campaign is larger than {MAX_TOTAL // 1_000_000} MB of text"
        )
    return CampaignFiles(folder.name, texts, version_of(texts))


def version_of(texts: Mapping[str, str]) -> str:
    """What names these files; another one as soon as one character of them is another."""
    digest = hashlib.sha256()
    for path in sorted(texts):
        digest.update(f"{path}\0{len(texts[path])}\0{texts[path]}".encode())
    return digest.hexdigest()[:16]


def read_design(base: Traversable | Path) -> dict[str, str]:
    """The files that every email stands on, by path, `_base/` first. Raises CampaignError."""
    return dict(_texts(base, "_base/", "_base"))


def load_facts(files: CampaignFiles, language: str = "") -> dict[str, Any]:
    """`facts/pay_rules.toml` becomes `facts.pay_rules` in the templates; with a language, in the words of
    `facts/pay_rules.de.toml` where there is one."""
    facts = _tables(files, "")
    for stem, words in _tables(files, language).items() if language else ():
        facts[stem] = overlay(facts.get(stem, {}), words)
    return facts


def _tables(files: CampaignFiles, language: str) -> dict[str, dict[str, Any]]:
    end = f".{language}.toml" if language else ".toml"
    return {
        path.removeprefix("facts/").removesuffix(end): _toml(files.label(path), text)
        for path, text in files.texts.items()
        if path.startswith("facts/") and path.endswith(".toml") and written_in(path) == language
    }


def _toml(label: str, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        line = re.search(r"at line (\d+)", str(error))
        raise CampaignError(label, int(line[1]) if line else 0, f"this is not valid TOML: {error}") from None


def _texts(folder: Traversable | Path, prefix: str, label: str) -> Iterator[tuple[str, str]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        path = prefix + entry.name
        if entry.name.startswith((".", "__")):
            continue
        if entry.is_dir():
            yield from _texts(entry, f"{path}/", f"{label}/{entry.name}")
        elif entry.name.endswith(SUFFIXES):
            yield path, read_text(entry, f"{label}/{entry.name}")


def read_text(entry: Traversable | Path, label: str) -> str:
    """A file of words. Raises CampaignError where it is no UTF-8, too large, or has control characters."""
    try:
        text = entry.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise CampaignError(label, 0, "this file is not UTF-8; save it as UTF-8") from None
    if len(text) > MAX_FILE:
        raise CampaignError(label, 0, f"this file is larger than {MAX_FILE // 1000} kB; split it")
    if found := _CONTROL.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise CampaignError(label, line, f"control character U+{ord(found[0]):04X}; delete it")
    return text
