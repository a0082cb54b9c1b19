"""Variants of one email: who gets which, and the rule by which one of them wins."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

MARK = "@"
"""Between a step and a variant with words of its own; in neither key, and in no folder's name."""
ANY = "any"
"""As an outcome: whatever they told."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One way to write an email. Without `subject` and `template` it is the email as its folder has it."""

    key: str
    weight: int = 1
    """Its share of the sum over all variants; percent, where shares were written."""
    subject: str = ""
    subjects: Mapping[str, str] = field(default_factory=dict, hash=False)
    """`subject` in other languages than the campaign's own, by code."""
    template: str = ""
    """Whose words it has instead: a folder of the campaign, or a file beside the issue."""
    line: int = 0
    """Where it is declared."""

    @property
    def is_as_written(self) -> bool:
        return not (self.subject or self.template)


class Goal(StrEnum):
    """What people do that counts. Opens are no such thing: machines open, and hide who reads."""

    CLICKS = "clicks"
    OUTCOMES = "outcomes"


@dataclass(frozen=True, kw_only=True)
class DecideBy:
    """The stated rule: looked at once, over everybody who got the email until the sample was complete.

    Complete: `people` per variant, and `days` since the first of them, whichever is stated. Each then has
    `within` to act; then it is decided. Of an issue: everybody of its first part, `within` after it began.
    """

    by: Goal
    outcome: str = ""
    """Of OUTCOMES: which one; ANY for whatever was told."""
    people: int = 0
    days: int = 0
    within: timedelta
    is_automatic: bool = True
    """The winner gets everybody who comes after; else that waits for an operator."""
    first: int = 100
    """Of an issue: percent of its readers who get a variant before the others get anything."""

    @property
    def words(self) -> str:
        """`clicks within 3d, once 500 people have each variant`."""
        told = f" ({self.outcome})" if self.outcome and self.outcome != ANY else ""
        enough = [f"{self.people:,} people have each variant"] if self.people else []
        enough += [f"{self.days} days have passed"] if self.days else []
        once = f", once {' and '.join(enough)}" if enough else ""
        part = f", by the first {self.first} % of the readers" if self.first < 100 else ""
        return f"{self.by}{told} within {_length(self.within)}{once}{part}"


def fingerprint(variants: Sequence[Variant], rule: DecideBy) -> str:
    """Names one trial of these variants by this rule, 16 hex digits. Shares are no part of it: they may
    change while it goes on. Words in folders are none either: a mistake may be put right."""
    what: list[Any] = [
        sorted([one.key, one.subject, sorted(one.subjects.items()), one.template] for one in variants),
        [rule.by, rule.outcome, rule.people, rule.days, rule.within.total_seconds(), rule.first],
    ]
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:16]


def assigned(variants: Sequence[Variant], email: str, subscriber_id: int) -> Variant:
    """Whose variant of `email` (`campaign/step`, `list/issue`) this person gets: always the same one.

    Weighted rendezvous hashing: the order of the variants means nothing, another share moves only as many
    people as it must, and a new variant takes people from the others and moves nobody else.
    """
    return max(variants, key=lambda one: -one.weight / math.log(_chance(email, one.key, subscriber_id)))


def is_among_first(email: str, subscriber_id: int, percent: int) -> bool:
    """Whether this reader belongs to the first `percent` of an issue; fixed, and no matter of the variant."""
    return _chance(email, f"{MARK}first", subscriber_id) * 100 < percent


def shares(variants: Sequence[Variant]) -> dict[str, int]:
    """In whole percent, by key."""
    total = sum(one.weight for one in variants)
    return {one.key: round(100 * one.weight / total) for one in variants}


def wording(step: str, variant: Variant | None) -> str:
    """What the words of a variant are kept under, beside those of the step."""
    return step if variant is None or variant.is_as_written else f"{step}{MARK}{variant.key}"


def step_of(wording: str) -> str:
    return wording.partition(MARK)[0]


def _chance(email: str, key: str, subscriber_id: int) -> float:
    """Evenly between 0 and 1, neither of which it ever is; the same on every machine."""
    digest = hashlib.blake2b(f"{email}\0{key}\0{subscriber_id}".encode(), digest_size=8).digest()
    return ((int.from_bytes(digest) >> 11) + 0.5) / 2**53


def _length(span: timedelta) -> str:
    hours = int(span.total_seconds() // 3600)
    days, hours = divmod(hours, 24)
    minutes = int(span.total_seconds() // 60) % 60
    parts = [f"{number}{unit}" for number, unit in ((days, "d"), (hours, "h"), (minutes, "m")) if number]
    return " ".join(parts)
