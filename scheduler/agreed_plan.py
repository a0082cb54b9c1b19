"""The short name of a plan, which an operator gives back to say: this I have seen, and this I want."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from scheduler.impact import Impact, Kind

_LETTERS = {
    "m": Kind.MOVED.value,
    "a": Kind.ADDED.value,
    "w": Kind.WITHDRAWN.value,
    "r": Kind.REWORDED.value,
    "n": "at_once",
}
_SHAPE = re.compile(r"([0-9a-f]{10})((?:-[0-9]+[mawrn])*)")
_PERCENT = 100


class PlanRefused(Exception):
    """It is not what would happen now; the message says why and what to do."""


@dataclass(frozen=True)
class Ends:
    """What a plan leads from and to."""

    campaign: str
    base: int
    base_version: str
    version: str


@dataclass(frozen=True)
class AgreedPlan:
    """A hash over both versions and the counts, and the counts themselves: `8f3c21d0aa-120m-30a`."""

    digest: str
    counts: Mapping[str, int]

    @classmethod
    def of(cls, ends: Ends, impact: Impact) -> AgreedPlan:
        counts = {name: impact.counts()[name] for name in _LETTERS.values()}
        return cls(_digest(ends, counts), counts)

    @classmethod
    def parse(cls, text: str) -> AgreedPlan:
        """Raises PlanRefused when it cannot be one."""
        found = _SHAPE.fullmatch(text.strip())
        if found is None:
            raise PlanRefused(f"{text[:60]!r} is no plan; copy the last line of `runup campaigns plan`")
        counts = dict.fromkeys(_LETTERS.values(), 0)
        for number in filter(None, found[2].split("-")):
            counts[_LETTERS[number[-1]]] = int(number[:-1])
        return cls(found[1], counts)

    def require(self, ends: Ends, impact: Impact, *, most: int) -> None:
        """Raise PlanRefused unless this plan leads from and to the same, and as much changes as it said.

        Emails leave and people come while somebody reads a plan: of each kind there may be `most` or one in
        a hundred more, whichever is the more. Fewer are no surprise to anybody.
        """
        if self.digest != _digest(ends, self.counts):
            raise PlanRefused(
                f"this plan was made for other files, or another version than {ends.base} was in force then; "
                "nothing was changed; run `runup campaigns plan` again"
            )
        now = impact.counts()
        for name, planned in self.counts.items():
            if now[name] > planned + max(most, planned // _PERCENT):
                raise PlanRefused(
                    f"the plan said {planned:,} {_words(name)}, and by now it is {now[name]:,}; "
                    "nothing was changed; run `runup campaigns plan` again"
                )

    def __str__(self) -> str:
        counted = [f"{self.counts[name]}{letter}" for letter, name in _LETTERS.items() if self.counts[name]]
        return "-".join([self.digest, *counted])


def _digest(ends: Ends, counts: Mapping[str, int]) -> str:
    told = [ends.campaign, str(ends.base), ends.base_version, ends.version]
    told += [f"{name}={counts[name]}" for name in _LETTERS.values()]
    return hashlib.sha256("\0".join(told).encode()).hexdigest()[:10]


def _words(name: str) -> str:
    return "emails leave at once" if name == "at_once" else f"emails {name}"
