"""What we did not send in time: after an outage or a pause nothing bursts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from campaigns.moments import fit
from campaigns.planned import PlannedSend, Situation
from campaigns.reasons import Reason
from campaigns.sketch import Sketch


def leave_out_ended(sketch: Sketch, turns: Mapping[str, PlannedSend]) -> int:
    """What has reached its end unsent; returns how many. `turns`: the steps that wait for the gap, where they
    would have left had everything gone on time; what would not have left then keeps that reason."""
    ended = [(step.key, send) for step, send in sketch.open_steps() if _has_ended(send, sketch.now)]
    for key, send in ended:
        turn = turns.get(key, send)
        sketch.sends[key] = send.left_out(reason_missed(sketch, send)) if turn.is_open else turn
    return len(ended)


def leave_out_passed_over(sketch: Sketch, turns: Mapping[str, PlannedSend]) -> None:
    """Of the overdue only the latest that is still valid leaves; what a later step has passed is over.

    A step that waits for its turn is not overdue, however long ago its own moment was.
    """
    overdue = {
        step.key: due
        for step, send in sketch.open_steps()
        if step.is_ordered and (due := turns.get(step.key, send).due_at) and due <= sketch.now
    }
    left = _left(sketch)
    for key, due in overdue.items():
        # A second attempt is not passed by its own first.
        passed_at = [*overdue.values(), *(at for other, at in left.items() if other != key)]
        if due < max(passed_at):
            sketch.leave_out(key, reason_missed(sketch, sketch.sends[key]))


def _left(sketch: Sketch) -> dict[str, datetime]:
    """When each step that has its place in the sequence left, or may have."""
    perhaps = {(past.step, past.occasion): past.left_at for past in sketch.perhaps_left}
    ordered = [(step, sketch.sends[step.key]) for step in sketch.sequence.steps if step.key in sketch.sends]
    moments = {
        step.key: send.left_at if send.settled else perhaps.get((step.key, send.occasion))
        for step, send in ordered
        if step.is_ordered
    }
    return {key: moment for key, moment in moments.items() if moment}


def wait_for_window(sketch: Sketch) -> None:
    """An overdue step that has its fixed moment leaves now, or when the window opens; if the next of its kind
    is due by then, that one leaves."""
    fixed = [pair for pair in sketch.open_steps() if pair[0].is_ordered and not pair[0].waits_for_gap]
    for step, send in fixed:
        leaves_at = fit(sketch.now, step, sketch.sequence, sketch.person)
        if not send.due_at or send.due_at > sketch.now or leaves_at == sketch.now:
            continue
        is_passed = any(other.due_at and sketch.now < other.due_at <= leaves_at for _, other in fixed)
        if is_passed or _has_ended(send, leaves_at):
            sketch.leave_out(step.key, reason_missed(sketch, send))
        else:
            sketch.sends[step.key] = send.deferred(leaves_at, Reason.DEFERRED_WINDOW)


def reason_missed(sketch: Sketch, send: PlannedSend) -> Reason:
    """Somebody had paused the campaign while it should have left, or we were not able to send it."""
    return missed(sketch.situation, sketch.sequence.key, send, now=sketch.now)


def missed(situation: Situation, campaign: str, send: PlannedSend, *, now: datetime) -> Reason:
    """As `reason_missed`, of a send of this campaign."""
    due, end = send.due_at, min(send.expires_at or now, now)
    for pause in situation.pauses:
        began = pause.campaign == campaign and pause.began_at <= end
        if began and (pause.ended_at is None or due is None or due <= pause.ended_at):
            return Reason.PAUSED_EXPIRED
    return Reason.EXPIRED_OUTAGE


def _has_ended(send: PlannedSend, now: datetime) -> bool:
    return send.expires_at is not None and send.expires_at <= now
