"""Two rates compared honestly: intervals that hold what they promise with few people, and with none or all.

Wilson's score interval for one rate, and Newcombe's hybrid of two of them for their difference (method 10 of
R. G. Newcombe, Interval estimation for the difference between independent proportions: comparison of eleven
methods, Statistics in Medicine 17, 1998, 873-890).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt
from statistics import NormalDist

CONFIDENCE = 0.95
"""Of all comparisons of one trial together."""


@dataclass(frozen=True)
class Count:
    """What came of one variant, counted in people."""

    variant: str
    people: int = 0
    """To whom it left."""
    delivered: int = 0
    answered: int = 0
    """Who did, in time, what the trial asks for."""

    @property
    def rate(self) -> float:
        return self.answered / self.people if self.people else 0.0


@dataclass(frozen=True)
class Gap:
    """How much more often `variant` is answered than `against`: between `low` and `high`, from -1 to 1."""

    variant: str
    against: str
    low: float
    high: float

    @property
    def is_shown(self) -> bool:
        """The whole interval lies on one side of nothing."""
        return self.low > 0 or self.high < 0

    def of(self, variant: str) -> Gap:
        """The same, told from the side of `variant`."""
        return self if variant == self.variant else Gap(self.against, self.variant, -self.high, -self.low)


def wilson(answered: int, people: int, *, z: float) -> tuple[float, float]:
    """The score interval of a rate; everything is possible where nobody was asked."""
    if not people:
        return 0.0, 1.0
    rate, square = answered / people, z * z / people
    middle = (rate + square / 2) / (1 + square)
    half = z * sqrt(rate * (1 - rate) / people + square / (4 * people)) / (1 + square)
    return max(0.0, middle - half), min(1.0, middle + half)


def gap(one: Count, other: Count, *, z: float) -> Gap:
    """Newcombe's interval of the difference of two rates."""
    low, high = wilson(one.answered, one.people, z=z)
    other_low, other_high = wilson(other.answered, other.people, z=z)
    difference = one.rate - other.rate
    return Gap(
        one.variant,
        other.variant,
        difference - sqrt((one.rate - low) ** 2 + (other_high - other.rate) ** 2),
        difference + sqrt((high - one.rate) ** 2 + (other.rate - other_low) ** 2),
    )


def gaps(counts: Sequence[Count]) -> list[Gap]:
    """Of every two variants. With more than two the intervals are wider (Bonferroni), so that all of them
    together hold as often as one would."""
    pairs = list(combinations(counts, 2))
    z = z_of(len(pairs))
    return [gap(other, one, z=z) for one, other in pairs]


def z_of(comparisons: int = 1) -> float:
    return NormalDist().inv_cdf(1 - (1 - CONFIDENCE) / (2 * max(comparisons, 1)))


def best(counts: Sequence[Count]) -> str:
    """The variant that is shown to be better than every other; empty when none is."""
    found = gaps(counts)
    for count in counts:
        mine = [one.of(count.variant) for one in found if count.variant in (one.variant, one.against)]
        if mine and all(one.low > 0 for one in mine):
            return count.variant
    return ""
