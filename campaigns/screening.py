"""Each step by itself: does it concern this passage, when is it due, and what speaks against it?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from campaigns.confirmations import throttled
from campaigns.expressions import ConditionError
from campaigns.facts import Past, appointment, reader
from campaigns.moments import anchor_moment, due_moment, expiry
from campaigns.planned import PlannedSend
from campaigns.reasons import Reason
from campaigns.sequence import Anchor, Late, OncePer, Step
from campaigns.sketch import Sketch

Objection = tuple[Reason, str]
"""Why a step is left out, and the detail of it."""


def screen(sketch: Sketch) -> None:
    """Put down every step that concerns the passage, with its moment or why it has none."""
    for step in sketch.sequence.steps:
        if not _concerns(sketch, step):
            continue
        due = due_moment(step, sketch.sequence, sketch.passage, sketch.person, dues=sketch.dues)
        if due is not None:
            sketch.dues[step.key] = due
            sketch.sends[step.key] = _look_at(sketch, step, due)


def _concerns(sketch: Sketch, step: Step) -> bool:
    act, confirmed_at = step.answers, sketch.passage.confirmed_at
    if act is Anchor.UNSUBSCRIBED:
        return _says_goodbye(sketch)
    if confirmed_at is None:
        return act is Anchor.SIGNED_UP
    if act is Anchor.SIGNED_UP:
        return any(past.step == step.key for past in sketch.history)
    if act is None:
        return True
    # What was done before anybody confirmed was done to an interview we never wrote about.
    done_at = anchor_moment(act, sketch.passage, sketch.person)
    return done_at is not None and done_at >= confirmed_at


def _says_goodbye(sketch: Sketch) -> bool:
    """A goodbye is said once per person, not once per interview: by the oldest passage that has the words."""
    able = [
        passage.id
        for passage in sketch.situation.passages
        if (sequence := sketch.situation.sequences.get(passage.campaign))
        and any(step.answers is Anchor.UNSUBSCRIBED for step in sequence.steps)
    ]
    return sketch.passage.id == min(able)


def _look_at(sketch: Sketch, step: Step, due: datetime) -> PlannedSend:
    send = PlannedSend(
        enrollment=sketch.passage.id,
        step=step.key,
        title=step.title,
        occasion=_occasion(sketch, step),
        due_at=due,
        expires_at=expiry(step, sketch.passage, sketch.person, due=due, dues=sketch.dues),
    )
    if settled := _settled(sketch, step, send.occasion):
        return replace(
            send,
            due_at=None,
            reason=settled.reason,
            settled=True,
            left_at=settled.left_at,
            merged=settled.merged,
        )
    if against := _objection(sketch, step, send, due):
        return send.left_out(*against)
    is_request = step.answers is Anchor.SIGNED_UP and not step.is_reminder
    return throttled(sketch, send) if is_request else send


def _occasion(sketch: Sketch, step: Step) -> str:
    """What a send is for; one send leaves per enrollment, step and occasion."""
    match step.once_per:
        case OncePer.ENROLLMENT:
            return ""
        case OncePer.DATE:
            return f"r{sketch.passage.revision}"
        case OncePer.ACT:
            assert step.answers
            done_at = anchor_moment(step.answers, sketch.passage, sketch.person)
            assert done_at
            return done_at.astimezone(UTC).isoformat()


def _settled(sketch: Sketch, step: Step, occasion: str) -> Past | None:
    if step.is_advice:
        for past in sketch.history:
            again = step.once_per is OncePer.DATE and past.occasion != occasion
            if step.key in past.merged and past.left_at and not again:
                return replace(past, reason=Reason.MERGED_INTO_CATCHUP, merged=())
    told: Iterable[Past] = sketch.history
    if step.answers is Anchor.UNSUBSCRIBED:
        told = sketch.situation.history
    of_step = (past for past in told if past.step == step.key)
    return next((past for past in of_step if _was_it(sketch, step, past, occasion)), None)


def _was_it(sketch: Sketch, step: Step, past: Past, occasion: str) -> bool:
    """Whether this is the very send, also when another version said how often the step comes."""
    if past.occasion == occasion:
        return True
    if step.once_per is OncePer.ENROLLMENT:
        return True
    was_for_this_date = past.left_at is None or past.left_at >= sketch.passage.told_at
    return step.once_per is OncePer.DATE and not past.occasion and was_for_this_date


def _objection(sketch: Sketch, step: Step, send: PlannedSend, due: datetime) -> Objection | None:
    person, passage = sketch.person, sketch.passage
    if person.suppression:
        # Somebody who had left is asked once whether they are back, and not reminded of it.
        is_excepted = step.despite_unsubscribe and not step.is_reminder
        is_excepted = is_excepted and person.suppression is Reason.UNSUBSCRIBED
        if not is_excepted:
            return person.suppression, ""
    if step.answers is Anchor.SIGNED_UP and passage.confirmed_at:
        return Reason.CONDITION_FALSE, "confirmed already"
    if passage.canceled_at and step.answers not in (Anchor.CANCELED, Anchor.UNSUBSCRIBED):
        return Reason.CANCELED, ""
    if step.until_outcome and passage.outcome:
        return Reason.OUTCOME_KNOWN, ""
    if _is_unwanted(sketch, step, due):
        return Reason.PAUSED_BY_SUBSCRIBER, ""
    if _was_added_too_late(sketch, step, due):
        return Reason.SUPERSEDED_VERSION, ""
    return _unless_asked_for(sketch, step, due) or _lateness(sketch, step, send, due)


def _is_unwanted(sketch: Sketch, step: Step, due: datetime) -> bool:
    """The person has paused: until they say so, or at the moment of what this answers. What the calendar
    wants to send while a pause lasts is late when it ends."""
    if step.despite_unsubscribe:
        return False
    passage = sketch.passage
    return passage.rests_for_good or (step.is_at_once and passage.rests_at(due))


def _unless_asked_for(sketch: Sketch, step: Step, due: datetime) -> Objection | None:
    """The step's condition, asked as of the moment it would leave: `days_left` are the days left then."""
    if step.when is None:
        return None
    seen = appointment(sketch.passage, sketch.person, now=max(due, sketch.now))
    try:
        if step.when.holds({"subscriber": reader(sketch.person), "interview": seen}):
            return None
    except ConditionError as error:
        return Reason.RENDER_ERROR, str(error)
    return Reason.CONDITION_FALSE, f"only when {step.when.source}"


def _was_added_too_late(sketch: Sketch, step: Step, due: datetime) -> bool:
    """The step came into the campaign when this passage was already beyond it."""
    key = sketch.sequence.key
    added = sketch.situation.added.get((key, step.key))
    if added is None or not (due < added and sketch.known_at < added):
        return False
    # What the campaign began with was never added, however early its first person signed up.
    return added > min(at for (campaign, _), at in sketch.situation.added.items() if campaign == key)


def _lateness(sketch: Sketch, step: Step, send: PlannedSend, due: datetime) -> Objection | None:
    """A moment that had passed when the date became known, as far as one step alone can say."""
    assert send.expires_at
    if step.is_at_once:
        return None
    if due >= sketch.known_at:
        never = due >= send.expires_at
        return (Reason.CONDITION_FALSE, "it would be due after its end") if never else None
    over = step.late is Late.SEND and send.expires_at <= sketch.known_at
    return (sketch.reason_late(step.key), "") if over or step.late is Late.SKIP else None
