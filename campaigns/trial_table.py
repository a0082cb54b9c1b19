"""The variants of an issue and their rule as they are kept with its words, which nobody changes any more."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any

from campaigns.variants import DecideBy, Goal, Variant, assigned, is_among_first


@dataclass(frozen=True)
class IssueTrial:
    """Who gets which variant of an issue. `name`: `weekly/december`, what the split is fixed by."""

    variants: tuple[Variant, ...]
    rule: DecideBy

    @property
    def as_written(self) -> Variant:
        """What the others get where nothing was shown."""
        return next(one for one in self.variants if one.is_as_written)

    def is_first(self, name: str, subscriber_id: int) -> bool:
        """Whether this reader is of those by whom it is decided."""
        return self.rule.first >= 100 or is_among_first(name, subscriber_id, self.rule.first)

    def chosen(self, name: str, subscriber_id: int, winner: str) -> tuple[Variant, bool]:
        """The variant of this reader, and whether it fell to them."""
        of_all = {one.key: one for one in self.variants}
        if winner in of_all:
            return of_all[winner], False
        if self.is_first(name, subscriber_id):
            return assigned(self.variants, name, subscriber_id), True
        return self.as_written, False


def as_table(variants: Sequence[Variant], rule: DecideBy) -> dict[str, Any]:
    """For JSON."""
    return {
        "variants": [[one.key, one.weight, one.subject, one.template] for one in variants],
        "by": rule.by.value,
        "within": int(rule.within.total_seconds()),
        "first": rule.first,
    }


def trial_of(words: str) -> IssueTrial | None:
    """What `as_table` kept in the words of an issue; None where it has no variants."""
    return _trial(words) if '"trial":' in words else None


@lru_cache(maxsize=8)
def _trial(words: str) -> IssueTrial | None:
    table = json.loads(words).get("trial")
    if table is None:
        return None
    rule = DecideBy(by=Goal(table["by"]), within=timedelta(seconds=table["within"]), first=table["first"])
    variants = (
        Variant(key=key, weight=weight, subject=subject, template=template)
        for key, weight, subject, template in table["variants"]
    )
    return IssueTrial(tuple(variants), rule)
