"""The confirmation is the one email a stranger can cause; the address it goes to limits how often."""

from __future__ import annotations

from datetime import datetime, timedelta

from campaigns.planned import PlannedSend
from campaigns.reasons import Reason
from campaigns.sequence import Anchor
from campaigns.sketch import Sketch

AT_MOST = ((timedelta(minutes=10), 1), (timedelta(days=1), 3), (timedelta(days=30), 5))
"""So many confirmations to one address within each span, whoever asks for them, for whichever interview."""


def throttled(sketch: Sketch, send: PlannedSend) -> PlannedSend:
    """`send` when the address may get it; left out when that is only after its end."""
    assert send.due_at
    left = _confirmations(sketch)
    due = send.due_at
    for span, most in AT_MOST:
        recent = sorted(at for at in left if at > due - span)
        if len(recent) >= most:
            due = max(due, recent[-most] + span)
    return send if due == send.due_at else send.deferred(due, Reason.DEFERRED_GAP)


def _confirmations(sketch: Sketch) -> list[datetime]:
    """When confirmations left or will leave for the person's other interviews, and left for this one."""
    situation = sketch.situation
    keys = {
        step.key
        for sequence in situation.sequences.values()
        for step in sequence.steps
        if step.answers is Anchor.SIGNED_UP
    }
    left = [past.left_at for past in situation.history if past.step in keys and past.left_at]
    coming = [sketch.sends[key].due_at for sketch in sketch.nearer for key in keys & sketch.sends.keys()]
    return left + [max(at, sketch.now) for at in coming if at]
