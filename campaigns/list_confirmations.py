"""The yes to newsletters, asked for by email: at once, and once more after a day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from campaigns.confirmations import requests_left, spaced
from campaigns.errors import CampaignError
from campaigns.facts import Place
from campaigns.outage import missed
from campaigns.planned import PlannedSend, Situation
from campaigns.reasons import Reason
from campaigns.sequence import Anchor, ElapsedRule, OncePer, Sequence, Step

NEWSLETTER = "newsletter"
"""The campaign whose emails these are: its timetable counts from the signing up alone."""


def ask_for_places(
    situation: Situation, planned: Iterable[PlannedSend], *, now: datetime
) -> list[PlannedSend]:
    """The sends that ask for the yes to each place, the first requests before all reminders.

    `planned`: those of the person's interviews, which go first. All of them share what may reach an address.
    """
    if not situation.places:
        return []
    sequence = situation.sequences[NEWSLETTER]
    planned = list(planned)
    taken = requests_left(situation)
    sends: list[PlannedSend] = []
    for is_reminder in (False, True):
        # A first request waits for first requests alone: none is kept waiting by a reminder to come.
        taken += _requests(situation, planned, is_reminder=is_reminder)
        for place in sorted(situation.places, key=lambda place: (place.requested_at, place.id)):
            for step in sequence.steps:
                if step.is_reminder is is_reminder:
                    send = _look_at(situation, sequence, place, step, taken, now=now)
                    sends.append(send)
                    taken += [max(send.due_at, now)] if send.is_open and send.due_at else []
    return sends


def _look_at(
    situation: Situation,
    sequence: Sequence,
    place: Place,
    step: Step,
    taken: list[datetime],
    *,
    now: datetime,
) -> PlannedSend:
    due = place.requested_at + _delay(sequence, step, step.rule)
    send = PlannedSend(
        enrollment=0,
        place=place.id,
        step=step.key,
        title=step.title,
        occasion=place.requested_at.astimezone(UTC).isoformat() if step.once_per is OncePer.ACT else "",
        due_at=due,
        expires_at=min(place.requested_at + _delay(sequence, step, rule) for rule in step.expires),
    )
    past = next(
        (
            past
            for past in situation.history
            if (past.place, past.step, past.occasion) == (place.id, step.key, send.occasion)
        ),
        None,
    )
    if past is not None:
        return replace(send, due_at=None, reason=past.reason, settled=True, left_at=past.left_at)
    if against := _objection(situation, place, step):
        return send.left_out(*against)
    if send.expires_at and send.expires_at <= now:
        return send.left_out(missed(situation, sequence.key, send, now=now))
    return spaced(send, taken)


def _objection(situation: Situation, place: Place, step: Step) -> tuple[Reason, str] | None:
    suppression = situation.person.suppression
    # Somebody who had left is asked once whether they are back, and not reminded of it.
    if suppression and (step.is_reminder or suppression is not Reason.UNSUBSCRIBED):
        return suppression, ""
    if place.ended_at is not None:
        return Reason.UNSUBSCRIBED, "left before it was confirmed"
    if place.confirmed_at is not None:
        return Reason.CONDITION_FALSE, "confirmed already"
    return None


def _requests(situation: Situation, planned: Iterable[PlannedSend], *, is_reminder: bool) -> list[datetime]:
    """When requests of the person's interviews will leave, or the reminders of them."""
    asking = {
        (passage.id, step.key)
        for passage in situation.passages
        if (sequence := situation.sequences.get(passage.campaign))
        for step in sequence.steps
        if step.answers is Anchor.SIGNED_UP and step.is_reminder is is_reminder
    }
    return [send.due_at for send in planned if (send.enrollment, send.step) in asking and send.due_at]


def _delay(sequence: Sequence, step: Step, rule: object) -> timedelta:
    if isinstance(rule, ElapsedRule) and rule.after is Anchor.SIGNED_UP:
        return rule.delay
    message = f"step {step.key!r}: a newsletter's emails count from signed_up and from nothing else"
    raise CampaignError(f"{sequence.key}/sequence.toml", 0, message)
