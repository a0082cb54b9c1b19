"""Whose words another version changes: what one reader of one step would get, compared."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from campaigns.catalog import Words


class Rewording:
    """The words of two versions of a campaign. `before` None: those cannot be read any more, and whatever
    comes is new."""

    def __init__(self, before: Words | None, after: Words) -> None:
        self._before, self._after = before, after
        self._compared = cache(self._compare)

    def is_reworded(self, before: str, after: str, locale: str) -> bool:
        """Whether a reader of this locale gets other words, by a letter or by a color, in what was the
        wording `before` (a step, or a variant of it) and would be `after`."""
        if self._before is None:
            return True
        return self._compared(
            before,
            self._before.renderer.language(before, locale),
            after,
            self._after.renderer.language(after, locale),
        )

    def _compare(self, old: str, old_language: str, new: str, new_language: str) -> bool:
        assert self._before
        return _words(self._before, old, old_language) != _words(self._after, new, new_language)


def _words(words: Words, step: str, language: str) -> tuple[Mapping[str, str], Any]:
    """What an email is made of but for its reader."""
    compiled = words.compiled.translations.get(language, words.compiled)
    sources = compiled.sources.get(step, {})
    # Facts are put in when the email is written; which of them a step prints, nobody knows before.
    return sources, compiled.facts if any("facts" in source for source in sources.values()) else None
