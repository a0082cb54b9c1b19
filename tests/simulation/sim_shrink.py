"""From a failing seed to the few faults that it takes: whole kinds first, then firing by firing."""

from __future__ import annotations

from collections.abc import Callable

from sim_faults import KINDS
from sim_play import Outcome, play

MOST_RUNS = 150


def shrink(seed: int, *, fails: Callable[[Outcome], bool] | None = None) -> Outcome:
    """The same failure with as few faults as can be found; its `fired` is the plan. The seed must fail."""
    failing = play(seed)
    assert failing.violation is not None, f"seed {seed} does not fail"
    number = failing.violation.invariant
    is_same = fails or (lambda o: o.violation is not None and o.violation.invariant == number)
    without: set[str] = set()
    runs = 0

    def still(more: set[str]) -> bool:
        nonlocal failing, without, runs
        runs += 1
        if runs > MOST_RUNS:
            return False
        tried = play(seed, without=without | more)
        if is_same(tried):
            failing, without = tried, without | more
            return True
        return False

    for kind in KINDS:
        if any(name.startswith(kind + "#") for name in failing.fired):
            still({kind})
    size = max(len(failing.fired) // 2, 1)
    while size:
        fired, at = list(failing.fired), 0
        while at < len(fired):
            still(set(fired[at : at + size]))
            at += size
        size //= 2
    return failing
