"""Rates compared: the published examples, and what more than two variants cost."""

from __future__ import annotations

from math import comb

import pytest

from scheduler.comparing import Count, Gap, best, gap, gaps, wilson, z_of

# R. G. Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, method 3: answered, people, from, to.
ONE_RATE = [
    (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0000, 0.1611), (1, 29, 0.0061, 0.1718),
]  # fmt: skip
# The same, 873-890, table II, method 10: the first rate, the second, and the interval of their difference.
TWO_RATES = [
    (56, 70, 48, 80, 0.0524, 0.3339), (9, 10, 3, 10, 0.1705, 0.8090), (6, 7, 2, 7, 0.0582, 0.8062),
    (5, 56, 0, 29, -0.0381, 0.1926), (0, 10, 0, 20, -0.1611, 0.2775), (0, 10, 0, 10, -0.2775, 0.2775),
    (10, 10, 0, 20, 0.6791, 1.0000), (10, 10, 0, 10, 0.6075, 1.0000),
]  # fmt: skip


def count(variant: str, answered: int, people: int) -> Count:
    return Count(variant, people, 0, answered)


@pytest.mark.parametrize(("answered", "people", "low", "high"), ONE_RATE)
def test_the_interval_of_one_rate_is_the_published_one(
    answered: int, people: int, low: float, high: float
) -> None:
    assert wilson(answered, people, z=z_of()) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("a", "m", "b", "n", "low", "high"), TWO_RATES)
def test_the_interval_of_a_difference_is_the_published_one(
    a: int, m: int, b: int, n: int, low: float, high: float
) -> None:
    found = gap(count("one", a, m), count("other", b, n), z=z_of())
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)
    assert found.of("other") == Gap("other", "one", -found.high, -found.low)


def test_where_nobody_was_asked_everything_is_possible() -> None:
    assert wilson(0, 0, z=z_of()) == (0.0, 1.0)
    assert best([count("plain", 0, 0), count("bold", 0, 0)]) == ""


def test_the_better_one_wins_only_when_the_whole_interval_says_so() -> None:
    plain = count("plain", 48, 80)
    assert best([plain, count("bold", 64, 80)]) == "bold"
    assert best([count("bold", 64, 80), plain]) == "bold", "whichever stands first"
    assert best([plain, count("bold", 56, 80)]) == ""


def test_a_third_variant_makes_every_interval_wider() -> None:
    """Bonferroni: three comparisons share the five percent."""
    plain, bold, short = count("plain", 48, 80), count("bold", 60, 80), count("short", 40, 80)
    (alone,) = gaps([plain, bold])
    among = gaps([plain, bold, short])[0]
    assert (alone.low > 0, among.low > 0) == (True, False)
    assert among.low < alone.low < alone.high < among.high
    assert z_of(3) == pytest.approx(2.3940, abs=1e-4)


def test_the_winner_is_shown_to_be_better_than_each_of_the_others() -> None:
    plain, bold, short = count("plain", 100, 1000), count("bold", 200, 1000), count("short", 210, 1000)
    assert best([plain, bold, short]) == "", "bold and short are alike"
    assert best([plain, count("bold", 150, 1000), count("short", 260, 1000)]) == "short"


def test_of_alike_pairs_one_in_twenty_is_told_apart() -> None:
    """Every outcome of two variants with 40 people each and the same rate, weighed by its chance. Newcombe's
    intervals hold their promise on average, not at every rate: a little more than 5 % may be wrong at one."""
    people, wrong = 40, 0.0
    for rate in (0.05, 0.2, 0.5):
        chance = [comb(people, k) * rate**k * (1 - rate) ** (people - k) for k in range(people + 1)]
        shown = sum(
            chance[a] * chance[b]
            for a in range(people + 1)
            for b in range(people + 1)
            if gap(count("a", a, people), count("b", b, people), z=z_of()).is_shown
        )
        wrong = max(wrong, shown)
    assert wrong < 0.06
