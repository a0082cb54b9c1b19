"""From a rule of the timetable to a moment in UTC: calendar arithmetic, windows, jitter."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, datetime, timedelta

from campaigns.facts import Passage, Person
from campaigns.sequence import Anchor, CalendarRule, Day, Rule, Sequence, Step, Window
from subscribers.wall_time import local, local_day, resolve

LAST_BEFORE = timedelta(hours=2)
"""No email that speaks of an interview to come leaves later than this before its start."""
LAST_RUSH = timedelta(minutes=10)


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
    """When `step` is due before the gap is looked at: rule, weekdays, window, the person's own jitter."""
    found = moment(step.rule, passage, person, dues=dues)
    if found is None and step.otherwise is not None:
        found = moment(step.otherwise, passage, person, dues=dues)
    if found is None or is_at_once(step):
        return found
    if step.weekdays:
        found = _on_weekday(found, person.home_zone)
    return fit(found + jitter(sequence, person), window_of(step, sequence), sequence, person)


def expiry(
    step: Step, passage: Passage, person: Person, *, due: datetime, dues: Mapping[str, datetime]
) -> datetime:
    """After this it must not leave: the earliest of the step's own ends and of the hard rules."""
    ends = [moment(rule, passage, person, dues=dues, due=due) for rule in step.expires]
    if step.is_before:
        ends.append(passage.starts_at - LAST_BEFORE)
    if step.is_catchup:
        ends.append(passage.starts_at - LAST_RUSH)
    return min(end for end in ends if end is not None)


def is_at_once(step: Step) -> bool:
    """It answers an act without delay: no jitter and no window make the person wait."""
    return step.is_catchup or (not isinstance(step.rule, CalendarRule) and step.rule.after.is_act)


def window_of(step: Step, sequence: Sequence) -> Window | None:
    return None if "window" in step.exempt or step.is_notice else step.window or sequence.window


def fit(at: datetime, window: Window | None, sequence: Sequence, person: Person) -> datetime:
    """`at`, or the next opening of the window on the person's clock when `at` lies outside it."""
    if window is None:
        return at
    here = local(at, person.home_zone)
    day = here.date()
    if here.time() > window.closes:
        day += timedelta(days=1)
    elif here.time() >= window.opens:
        return at
    return resolve(day, window.opens, person.home_zone) + jitter(sequence, person)


def jitter(sequence: Sequence, person: Person) -> timedelta:
    """Whole seconds, always the same for one person, evenly spread over people."""
    spread = int(sequence.jitter.total_seconds())
    if not spread:
        return timedelta()
    seed = hashlib.blake2s(f"{sequence.key}/{person.id}".encode(), digest_size=8).digest()
    return timedelta(seconds=int.from_bytes(seed) % spread)


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
            return passage.decision_on
        case Day.OUTCOME:
            return local_day(passage.outcome_at, person.home_zone) if passage.outcome_at else None


def _business_days_after(day: date, count: int) -> date:
    for _ in range(count):
        day += timedelta(days=1)
        while day.weekday() >= 5:
            day += timedelta(days=1)
    return day


def _on_weekday(at: datetime, zone: str) -> datetime:
    here = local(at, zone)
    shift = {5: 2, 6: 1}.get(here.weekday(), 0)
    return resolve(here.date() + timedelta(days=shift), here.time(), zone) if shift else at
