"""What we did not send in time: after an outage or a pause nothing bursts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from campaigns.planned import PlannedSend
from campaigns.reasons import Reason
from campaigns.sketch import Sketch


def leave_out_ended(sketch: Sketch) -> None:
    """What has reached its end unsent."""
    for step, send in sketch.open_steps():
        if send.expires_at and send.expires_at <= sketch.now:
            sketch.leave_out(step.key, reason_missed(sketch, send))


def leave_out_passed_over(sketch: Sketch, slots: Mapping[str, datetime]) -> None:
    """Of the overdue only the latest that is still valid leaves; what a later step has passed is over.

    `slots`: when each step that waits for the gap would have left, had everything gone on time. A step that
    waits for its turn is not overdue, however long ago its own moment was.
    """
    turns = {
        step.key: turn
        for step, send in sketch.open_steps()
        if step.is_ordered and (turn := slots.get(step.key) or send.due_at) and turn <= sketch.now
    }
    left = [
        send.left_at
        for step in sketch.sequence.steps
        if step.is_ordered and (send := sketch.sends.get(step.key)) and send.settled and send.left_at
    ]
    latest = max([*turns.values(), *left], default=None)
    for key, turn in turns.items():
        if latest and turn < latest:
            sketch.leave_out(key, reason_missed(sketch, sketch.sends[key]))


def reason_missed(sketch: Sketch, send: PlannedSend) -> Reason:
    """Somebody had paused the campaign while it should have left, or we were not able to send it."""
    due, end = send.due_at, min(send.expires_at or sketch.now, sketch.now)
    for pause in sketch.situation.pauses:
        began = pause.campaign == sketch.sequence.key and pause.began_at <= end
        if began and (pause.ended_at is None or due is None or due <= pause.ended_at):
            return Reason.PAUSED_EXPIRED
    return Reason.EXPIRED_OUTAGE
