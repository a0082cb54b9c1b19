from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from scheduler import Line, worth_telling


@dataclass(frozen=True)
class PlanView:
    """One interview's emails: what left, what is coming, what is left out and why."""

    left: tuple[Line, ...]
    coming: tuple[Line, ...]
    left_out: tuple[Line, ...]


def plan_view(lines: Iterable[Line]) -> PlanView:
    """The outlook of one interview, sorted into the three lists of the page.

    What may have left counts as left: the reader finds it in the inbox or does not. A step that was withdrawn
    for an earlier date is told only while nothing stands in its place.
    """
    lines = worth_telling(lines)
    return PlanView(
        left=tuple(line for line in lines if line.kind in ("left", "in_doubt")),
        coming=tuple(line for line in lines if line.kind == "coming"),
        left_out=tuple(line for line in lines if line.kind == "left_out"),
    )
