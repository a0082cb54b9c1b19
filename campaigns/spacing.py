"""The gap and the window: they defer, they never drop, unless the end comes first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from campaigns.duplicates import is_duplicate
from campaigns.moments import fit
from campaigns.outage import leave_out_ended, leave_out_passed_over, reason_missed, wait_for_window
from campaigns.planned import PlannedSend
from campaigns.reasons import Reason
from campaigns.sequence import Step
from campaigns.sketch import Sketch

Turn = tuple[int, str]
"""Whose turn it is: an enrollment and the key of its step."""


def space(sketches: Sequence[Sketch]) -> None:
    """Give every step that is still to leave its moment, over all of a person's interviews, nearest first."""
    for sketch in sketches:
        _keep_apart(sketch)
    turns = _arrange(sketches)
    if sum(leave_out_ended(sketch, _of(sketch, turns)) for sketch in sketches):
        turns = _arrange(sketches)
    if any(_is_overdue(sketch, turns) for sketch in sketches):
        for sketch in sketches:
            leave_out_passed_over(sketch, _of(sketch, turns))
            wait_for_window(sketch)
            _keep_apart(sketch)
        turns = _arrange(sketches, late=True)
    for sketch in sketches:
        sketch.sends |= _of(sketch, turns)


def _arrange(sketches: Sequence[Sketch], *, late: bool = False) -> dict[Turn, PlannedSend]:
    """The steps that wait for the gap, each where it fits. `late`: what is overdue leaves from now on."""
    taken = _departures(sketches, late=late)
    arranged: dict[Turn, PlannedSend] = {}
    nearer: list[PlannedSend] = []
    for sketch in sketches:
        earliest: datetime | None = None
        for step, send in _in_order_of_due(sketch):
            if is_duplicate(sketch, step.key, nearer=nearer):
                arranged[sketch.passage.id, step.key] = send.left_out(Reason.DUPLICATE_ADVICE)
                continue
            placed, leaves_at = _place(sketch, step, send, earliest, taken, late=late)
            arranged[sketch.passage.id, step.key] = placed
            if placed.is_open:
                taken.append(leaves_at)
                earliest = leaves_at
        nearer += [arranged.get((sketch.passage.id, key), send) for key, send in sketch.sends.items()]
    return arranged


def _in_order_of_due(sketch: Sketch) -> list[tuple[Step, PlannedSend]]:
    waiting = [(step, send) for step, send in sketch.open_steps() if step.waits_for_gap]
    return sorted(waiting, key=lambda pair: pair[1].due_at or sketch.now)


def _place(
    sketch: Sketch,
    step: Step,
    send: PlannedSend,
    earliest: datetime | None,
    taken: list[datetime],
    *,
    late: bool,
) -> tuple[PlannedSend, datetime]:
    """`send` at its turn, and when it really leaves: now, when its turn has passed and nothing forbids it."""
    assert send.due_at
    start = max(send.due_at, earliest) if earliest else send.due_at
    turn, reason = _free(sketch, step, start, taken)
    if start > send.due_at and reason is None:
        reason = Reason.DEFERRED_GAP
    if late and turn < sketch.now:
        leaves_at, hindered = _free(sketch, step, sketch.now, taken)
        if hindered is None:
            return replace(send, due_at=turn, reason=reason or send.reason), sketch.now
        if send.expires_at and leaves_at >= send.expires_at:
            return send.left_out(reason_missed(sketch, send)), leaves_at
        turn, reason = leaves_at, hindered
    return send.deferred(turn, reason), turn


def _free(
    sketch: Sketch, step: Step, start: datetime, taken: list[datetime]
) -> tuple[datetime, Reason | None]:
    """The first moment from `start` on that lies in the window and a gap away from all others, and what it
    waits for first."""
    slot, reason, gap = start, None, sketch.sequence.gap
    while True:
        fitted = fit(slot, step, sketch.sequence, sketch.person)
        if fitted != slot:
            slot, reason = fitted, reason or Reason.DEFERRED_WINDOW
        # Nothing between two blocking emails is free: both are within one gap of the slot.
        blocking = [at for at in taken if abs(slot - at) < gap]
        if not blocking:
            return slot, reason
        slot, reason = max(blocking) + gap, reason or Reason.DEFERRED_GAP


def _departures(sketches: Sequence[Sketch], *, late: bool) -> list[datetime]:
    """The moments at which emails count that wait for nobody: what has left and what has its fixed moment."""
    if not sketches:
        return []
    situation = sketches[0].situation
    notices = frozenset[str]().union(*(sequence.notices for sequence in situation.sequences.values()))
    left = [past.left_at for past in situation.history if past.left_at and past.step not in notices]
    fixed = [
        max(send.due_at, sketch.now) if late else send.due_at
        for sketch in sketches
        for step, send in sketch.open_steps()
        if send.due_at and not (step.waits_for_gap or step.is_notice)
    ]
    return left + fixed


def _is_overdue(sketch: Sketch, turns: dict[Turn, PlannedSend]) -> bool:
    return any(
        due < sketch.now
        for step, send in sketch.open_steps()
        if not step.is_notice and (due := turns.get((sketch.passage.id, step.key), send).due_at)
    )


def _of(sketch: Sketch, turns: dict[Turn, PlannedSend]) -> dict[str, PlannedSend]:
    return {key: send for (enrollment, key), send in turns.items() if enrollment == sketch.passage.id}


def _keep_apart(sketch: Sketch) -> None:
    """Leave out what would follow another email too closely."""
    for step, send in sketch.open_steps():
        for other in step.apart.steps if step.apart else ():
            assert step.apart
            assert send.due_at
            if any(timedelta() <= send.due_at - at < step.apart.by for at in _moments(sketch, other)):
                hours = int(step.apart.by.total_seconds() // 3600)
                title = sketch.sequence.step(other).title
                sketch.leave_out(
                    step.key, Reason.CONDITION_FALSE, f"“{title}” came less than {hours} hours before"
                )
                break


def _moments(sketch: Sketch, key: str) -> list[datetime]:
    left = [past.left_at for past in sketch.history if past.step == key and past.left_at]
    send = sketch.sends.get(key)
    return [*left, send.due_at] if send is not None and send.due_at else left
