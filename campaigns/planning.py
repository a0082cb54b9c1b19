"""The calendar: from a sequence, a person, their interviews and what has left, to planned sends.

Pure: no database, no clock. The worker, the page's preview, `simulate` and `explain` ask this one function.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from campaigns.catching_up import catch_up
from campaigns.confirmations import remind
from campaigns.duplicates import leave_out_repeated
from campaigns.facts import Passage, Person
from campaigns.list_confirmations import ask_for_places
from campaigns.planned import Pause, PlannedSend, Situation
from campaigns.screening import screen
from campaigns.sequence import Sequence
from campaigns.sketch import Sketch
from campaigns.spacing import space

_NEVER = datetime.max.replace(tzinfo=UTC)


def plan(situation: Situation, *, now: datetime) -> list[PlannedSend]:
    """Every step of every enrollment that concerns this person at `now`, and what asks for their yes to a
    newsletter, in the order it would leave.

    The nearer interview goes first: its emails keep their moments, those of the other give way.
    """
    sketches: list[Sketch] = []
    for passage in _nearest_first(situation.passages, now=now):
        if passage.campaign in situation.sequences:
            sketch = Sketch(situation, passage, now=now, nearer=list(sketches))
            screen(sketch)
            leave_out_repeated(sketch)
            catch_up(sketch)
            sketches.append(sketch)
    remind(sketches)
    space(sketches)
    sends = [send for sketch in sketches for send in sketch.sends.values()]
    sends += ask_for_places(situation, sends, now=now)
    return sorted(sends, key=lambda send: (send.due_at or send.left_at or _NEVER, send.enrollment))


def preview(sequence: Sequence, *, person: Person, passage: Passage, now: datetime) -> list[PlannedSend]:
    """What would come if this person confirmed this interview now, and nothing else were known of them.

    Without the jitter, which is a person's own: to the minute of the timetable.
    """
    punctual = replace(sequence, jitter=timedelta())
    confirmed = replace(passage, campaign=sequence.key, requested_at=now, confirmed_at=now)
    situation = Situation(sequences={sequence.key: punctual}, person=person, passages=[confirmed])
    return plan(situation, now=now)


def _nearest_first(passages: Iterable[Passage], *, now: datetime) -> list[Passage]:
    return sorted(passages, key=lambda p: (p.starts_at < now, abs(p.starts_at - now), p.id))


__all__ = ["Pause", "PlannedSend", "Situation", "plan", "preview"]
