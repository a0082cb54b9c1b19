"""Two interviews of one person: the same advice twice within a month helps nobody."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from campaigns.planned import PlannedSend
from campaigns.reasons import Reason
from campaigns.sketch import Sketch
from subscribers.wall_time import local_day

SAME_ADVICE_WITHIN = timedelta(days=30)
"""In days of the calendar, both ends included: a clock change in between makes no difference."""


def leave_out_repeated(sketch: Sketch) -> None:
    """What has been said for another interview already."""
    for step, _ in sketch.open_steps():
        if is_duplicate(sketch, step.key, nearer=()):
            sketch.leave_out(step.key, Reason.DUPLICATE_ADVICE)


def is_duplicate(sketch: Sketch, key: str, *, nearer: Iterable[PlannedSend]) -> bool:
    """This advice reached the person for another interview within 30 days, or will for a nearer one: `nearer`
    is what those have planned."""
    situation = sketch.situation
    if len(situation.passages) < 2 or not sketch.sequence.step(key).is_advice:
        return False
    same = {p.id for p in situation.passages if p.campaign == sketch.sequence.key} - {sketch.passage.id}
    moments: list[datetime | None] = [
        past.left_at
        for past in situation.history
        if _carries(past.enrollment, past.step, past.merged, same, key)
    ]
    moments += [
        send.due_at for send in nearer if _carries(send.enrollment, send.step, send.merged, same, key)
    ]
    zone = sketch.person.home_zone
    day = local_day(max(sketch.dues[key], sketch.known_at), zone)
    return any(abs(day - local_day(at, zone)) <= SAME_ADVICE_WITHIN for at in moments if at)


def _carries(enrollment: int, step: str, merged: tuple[str, ...], same: set[int], key: str) -> bool:
    return enrollment in same and (key == step or key in merged)
