"""The confirmation is the one email a stranger can cause; the address it goes to limits how often."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from campaigns.planned import PlannedSend, Situation
from campaigns.reasons import Reason
from campaigns.sequence import Anchor
from campaigns.sketch import Sketch

AT_MOST = ((timedelta(minutes=10), 1), (timedelta(days=1), 3), (timedelta(days=30), 5))
"""So many confirmations to one mailbox within each span, whoever asks for them, for whichever interview."""


def throttled(sketch: Sketch, send: PlannedSend) -> PlannedSend:
    """`send` when the address may get it; left out when that is only after its end."""
    if send.expires_at and send.expires_at <= sketch.now:
        return send  # over, whatever left since
    return spaced(send, [*requests_left(sketch.situation), *_coming(sketch.nearer)])


def remind(sketches: Sequence[Sketch]) -> None:
    """Give every reminder its moment: a day after the email it reminds of, which may have had to wait, and
    after all first requests: it never takes the place of one."""
    placed: list[datetime] = []
    for sketch in sketches:
        for step, send in sketch.open_steps():
            if step.is_reminder:
                others = [*requests_left(sketch.situation), *_coming(sketches), *placed]
                send = _after_the_first(sketch, send)
                send = spaced(send, others) if send.is_open else send
                sketch.sends[step.key] = send
                placed += [send.due_at] if send.due_at else []


def spaced(send: PlannedSend, others: Iterable[datetime]) -> PlannedSend:
    """`send` at the first moment that leaves room between it and the `others`; left out when that is over."""
    assert send.due_at
    due = next_free(send.due_at, others)
    return send if due == send.due_at else send.deferred(due, Reason.DEFERRED_GAP)


def next_free(due: datetime, others: Iterable[datetime]) -> datetime:
    """`due`, or the first moment after it at which a mailbox may be asked that is asked at `others` too."""
    moments = [*others]
    for span, most in AT_MOST:
        recent = sorted(at for at in moments if at > due - span)
        if len(recent) >= most:
            due = max(due, recent[-most] + span)
    return due


def _after_the_first(sketch: Sketch, send: PlannedSend) -> PlannedSend:
    assert send.due_at
    waited = send.due_at - sketch.passage.requested_at
    firsts = [*_coming([sketch]), *(first.left_at for first in _firsts(sketch) if first.left_at)]
    due = max([send.due_at, *(at + waited for at in firsts)])
    return send.deferred(due, Reason.DEFERRED_GAP if due > send.due_at else None)


def _firsts(sketch: Sketch) -> list[PlannedSend]:
    return [
        sketch.sends[step.key]
        for step in sketch.sequence.steps
        if step.answers is Anchor.SIGNED_UP and not step.is_reminder and step.key in sketch.sends
    ]


def requests_left(situation: Situation) -> list[datetime]:
    """When requests to confirm, and reminders of them, left to this person's mailbox."""
    keys = {
        step.key
        for sequence in situation.sequences.values()
        for step in sequence.steps
        if step.answers is Anchor.SIGNED_UP
    }
    asked = [past.left_at for past in situation.history if past.step in keys and past.left_at]
    return [*asked, *situation.asked_elsewhere]


def _coming(sketches: Iterable[Sketch]) -> list[datetime]:
    """When first requests will leave."""
    return [
        max(send.due_at, sketch.now)
        for sketch in sketches
        for step, send in sketch.open_steps()
        if step.answers is Anchor.SIGNED_UP and not step.is_reminder
        if send.due_at and not (send.expires_at and send.expires_at <= sketch.now)
    ]
