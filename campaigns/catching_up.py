"""Late sign-up, and a date moved so near that steps are missed: one email instead of a burst."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from campaigns.duplicates import is_duplicate
from campaigns.moments import fit
from campaigns.outage import reason_missed
from campaigns.planned import PlannedSend
from campaigns.reasons import Reason
from campaigns.sequence import Anchor, Late, Step
from campaigns.sketch import Sketch

WAITS = tuple(timedelta(minutes=minutes) for minutes in (60, 30, 15, 0))
"""A late but still useful email follows the catch-up by an hour, so that two do not arrive together;
by less when the window closes or its end comes before that."""


def catch_up(sketch: Sketch) -> None:
    """Merge what was missed into the catch-up, and give the rest of what is late its moment."""
    step = sketch.sequence.catchup
    if step and step.key in sketch.sends:
        _merge(sketch, step)
        _welcome_gives_way(sketch, step)
    if step or sketch.passage.rests:
        _send_late_but_useful(sketch)


def _merge(sketch: Sketch, step: Step) -> None:
    catchup = sketch.sends[step.key]
    advice = [s.key for s in sketch.sequence.steps if s.is_advice and s.key in sketch.sends]
    missed = [key for key in advice if sketch.is_late(key) and not sketch.sends[key].settled]
    offered = [key for key in missed if sketch.sends[key].is_open]
    nearer = [send for other in sketch.nearer for send in other.sends.values()]
    fresh = [key for key in offered if not is_duplicate(sketch, key, nearer=nearer)]
    for key in {*offered} - {*fresh}:
        sketch.leave_out(key, Reason.DUPLICATE_ADVICE)
    if not catchup.settled and (not missed or (catchup.is_open and not fresh)):
        del sketch.sends[step.key]  # nothing was missed: no catch-up was ever planned
    elif _is_too_late(sketch, catchup):
        for key in fresh:
            sketch.leave_out(key, _why_too_late(sketch, catchup, key))
        if catchup.is_open:
            sketch.leave_out(step.key, _why_too_late(sketch, catchup, step.key))
    else:
        soon = max(sketch.known_at, sketch.now) + sketch.sequence.gap
        near = [key for key in advice if sketch.sends[key].is_open and sketch.dues[key] <= soon]
        merged = [key for key in near if key in fresh or not is_duplicate(sketch, key, nearer=nearer)]
        for key in merged:
            sketch.leave_out(key, Reason.MERGED_INTO_CATCHUP)
        sketch.sends[step.key] = replace(catchup, merged=tuple(merged))


def _is_too_late(sketch: Sketch, catchup: PlannedSend) -> bool:
    """The catch-up can no longer leave."""
    assert catchup.expires_at
    return not catchup.is_open or catchup.expires_at <= max(sketch.known_at, sketch.now)


def _why_too_late(sketch: Sketch, catchup: PlannedSend, key: str) -> Reason:
    assert catchup.expires_at
    if not catchup.is_open or catchup.expires_at <= sketch.known_at:
        return sketch.reason_late(key)
    return reason_missed(sketch, catchup)


def _welcome_gives_way(sketch: Sketch, step: Step) -> None:
    """The catch-up carries the plan as well: whoever has had one, or will, needs no welcome."""
    going = step.key in sketch.sends and sketch.sends[step.key].is_open
    if going or any(past.step == step.key and past.left_at for past in sketch.history):
        for welcome, _ in sketch.open_steps():
            if welcome.is_at_once and welcome.answers is Anchor.CONFIRMED:
                sketch.leave_out(welcome.key, Reason.MERGED_INTO_CATCHUP)


def _send_late_but_useful(sketch: Sketch) -> None:
    known_at = sketch.known_at
    waits = WAITS if _is_accompanied(sketch) else (timedelta(),)
    for step, send in sketch.open_steps():
        if step.late is not Late.SEND or step.is_at_once or not sketch.is_late(step.key):
            continue
        assert send.expires_at
        due = fit(known_at, step, sketch.sequence, sketch.person)
        for wait in waits if due == known_at else ():
            later = known_at + wait
            if later < send.expires_at and fit(later, step, sketch.sequence, sketch.person) == later:
                due = later
                break
        sketch.sends[step.key] = send.deferred(
            due, Reason.DEFERRED_WINDOW if due > known_at + WAITS[0] else None
        )


def _is_accompanied(sketch: Sketch) -> bool:
    """Something else leaves, or has left, because the date became known: the welcome or the catch-up."""
    return any(
        send.is_open or (send.left_at is not None and send.left_at >= sketch.known_at)
        for step in sketch.sequence.steps
        if (step.is_catchup or (step.is_at_once and step.answers is Anchor.CONFIRMED))
        and (send := sketch.sends.get(step.key))
    )
