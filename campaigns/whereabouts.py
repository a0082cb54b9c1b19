"""From words in a finished email back to the line where somebody wrote them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from campaigns.languages import Language, written_in
from campaigns.source_files import PARTS, CampaignFiles

_SHORTEST = 2
"""Fewer words than this stand anywhere."""


def whereabouts(
    files: CampaignFiles, step: str, part: str, quote: str, language: Language
) -> tuple[str, int]:
    """File and line of the first place where `quote` stands: the email's file, what it includes, the design.

    Where tags stand between the words, their first ones must do. Line 1 of the part's file when nothing is
    found, and when there is nothing to look for.
    """
    own = f"{step}/{language.name(PARTS[part])}"
    for words in _shorter(quote):
        for path in _order(files.texts, own, language):
            position = files.texts[path].find(words)
            if position >= 0:
                return files.label(path), files.texts[path].count("\n", 0, position) + 1
    return files.label(own), 1


def _shorter(quote: str) -> Iterator[str]:
    words = quote.split()
    if not words:
        return
    yield quote
    for count in range(len(words) - 1, _SHORTEST - 1, -1):
        yield " ".join(words[:count])


def _order(texts: Mapping[str, str], own: str, language: Language) -> list[str]:
    """The email's own file, its folder, the campaign, the design; files of the same kind only, and none in
    another language."""
    folder, kind = own.partition("/")[0], own.rpartition(".")[2]
    tongues = {"", language.code}
    alike = [path for path in texts if path.endswith(f".{kind}") and written_in(path) in tongues]
    return sorted(
        alike,
        key=lambda path: (path != own, not path.startswith(f"{folder}/"), path.startswith("_base/"), path),
    )
