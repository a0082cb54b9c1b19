"""From a rule of the timetable to a moment in UTC: calendar arithmetic, windows, jitter."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache

from campaigns.facts import Passage, Person
from campaigns.sequence import Anchor, CalendarRule, Day, Rule, Sequence, Step
from subscribers.wall_time import local, local_day, resolve

LAST_BEFORE = timedelta(hours=2)
"""No email that speaks of an interview to come leaves later than this before its start."""
LAST_RUSH = timedelta(minutes=10)
"""The catch-up, which is five lines by then, is still read on the way."""
SATURDAY = 5


def anchor_moment(anchor: Anchor, passage: Passage, person: Person) -> datetime | None:
    """When that happened or will happen; None when it has not."""
    match anchor:
        case Anchor.SIGNED_UP:
            return passage.requested_at
        case Anchor.CONFIRMED:
            return passage.confirmed_at
        case Anchor.MOVED:
            return passage.moved_at
        case Anchor.CANCELED:
            return passage.canceled_at
        case Anchor.UNSUBSCRIBED:
            return person.unsubscribed_at
        case Anchor.OUTCOME:
            return passage.outcome_at
        case Anchor.INTERVIEW_START:
            return passage.starts_at
        case Anchor.INTERVIEW_END:
            return passage.ends_at
        case Anchor.DUE:
            return None


def moment(
    rule: Rule,
    passage: Passage,
    person: Person,
    *,
    dues: Mapping[str, datetime],
    due: datetime | None = None,
) -> datetime | None:
    """The moment `rule` means for this person; None when what it counts from is unknown.

    `dues`: the moments of the steps before, for rules that count from one. `due`: the step's own, for
    `expires`.
    """
    if not isinstance(rule, CalendarRule):
        base = due if rule.after is Anchor.DUE else anchor_moment(rule.after, passage, person)
        return base + rule.delay if base else None
    day = _counted_from(rule, passage, person, dues)
    if day is None:
        return None
    day = _business_days_after(day + timedelta(days=rule.day), rule.business_days)
    return resolve(day, rule.time, person.home_zone)


def due_moment(
    step: Step, sequence: Sequence, passage: Passage, person: Person, *, dues: Mapping[str, datetime]
) -> datetime | None:
    """When `step` is due before the gap is looked at: rule, the person's own jitter, weekdays, window."""
    if step.is_catchup:
        return passage.known_at
    found = moment(step.rule, passage, person, dues=dues)
    if found is None and step.otherwise is not None:
        found = moment(step.otherwise, passage, person, dues=dues)
    if found is None:
        return None
    return fit(found if step.is_at_once else found + jitter(sequence, person), step, sequence, person)


def expiry(
    step: Step, passage: Passage, person: Person, *, due: datetime, dues: Mapping[str, datetime]
) -> datetime:
    """After this it must not leave: the earliest of the step's own ends and of the hard rules."""
    ends = [moment(rule, passage, person, dues=dues, due=due) for rule in step.expires]
    if step.is_catchup:
        ends.append(passage.starts_at - LAST_RUSH)
    elif step.is_before or (step.follows_interview_day and due < passage.starts_at):
        ends.append(passage.starts_at - LAST_BEFORE)
    return min(end for end in ends if end is not None)


def is_at_once(step: Step) -> bool:
    """It answers an act without delay."""
    return step.is_at_once


def fit(at: datetime, step: Step, sequence: Sequence, person: Person) -> datetime:
    """`at`, or the next moment at which `step` may leave: in its window, on a weekday if it asks for one."""
    window = (step.window or sequence.window) if step.waits_for_window else None
    if window is None and not step.weekdays:
        return at
    here = local(at, person.home_zone)
    wall = here.time()
    is_outside = window is not None and not window.opens <= wall <= window.closes
    if not is_outside and not (step.weekdays and here.weekday() >= SATURDAY):
        return at
    day = here.date()
    if window and is_outside:
        day += timedelta(days=wall > window.closes)
        wall = window.opens
    while step.weekdays and day.weekday() >= SATURDAY:
        day += timedelta(days=1)
    fitted = resolve(day, wall, person.home_zone)
    return fitted if wall == here.time() else fitted + jitter(sequence, person)


def jitter(sequence: Sequence, person: Person) -> timedelta:
    """Whole seconds, always the same for one person, evenly spread over people."""
    return _spread(sequence.key, person.id, int(sequence.jitter.total_seconds()))


@lru_cache(maxsize=64)
def _spread(key: str, person: int, seconds: int) -> timedelta:
    if not seconds:
        return timedelta()
    seed = hashlib.blake2s(f"{key}/{person}".encode(), digest_size=8).digest()
    return timedelta(seconds=int.from_bytes(seed) % seconds)


def _counted_from(
    rule: CalendarRule, passage: Passage, person: Person, dues: Mapping[str, datetime]
) -> date | None:
    if rule.after_step:
        earlier = dues.get(rule.after_step)
        return local_day(earlier, person.home_zone) if earlier else None
    match rule.counted_from:
        case Day.INTERVIEW:
            return passage.day_for(person)
        case Day.DECISION:
            # Nobody decides before the interview: a day told for an earlier date is void.
            told = passage.decision_on
            return told if told and told >= passage.held_on else None
        case Day.OUTCOME:
            return local_day(passage.outcome_at, person.home_zone) if passage.outcome_at else None


def _business_days_after(day: date, count: int) -> date:
    for _ in range(count):
        day += timedelta(days=1)
        while day.weekday() >= SATURDAY:
            day += timedelta(days=1)
    return day
