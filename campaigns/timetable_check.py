"""What only shows when the steps of a timetable stand together: names, ends, unanswerable questions."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta

from campaigns.errors import CampaignError
from campaigns.expressions import ConditionError
from campaigns.facts import Passage, Person, appointment, reader
from campaigns.moments import LAST_BEFORE, due_moment, expiry, moment
from campaigns.sequence import Anchor, CalendarRule, ElapsedRule, OncePer, Rule, Sequence, Step
from campaigns.toml_table import Source, Table
from campaigns.variants import Goal
from subscribers.wall_time import resolve

_DAY = date(2026, 6, 17)
"""A Wednesday in a month without clock changes: the sample interview is at noon."""


def check_together(source: Source, sequence: Sequence) -> None:
    """Raises CampaignError at the first fault."""
    _check_names(source, sequence)
    if sum(step.is_catchup for step in sequence.steps) > 1:
        raise CampaignError(source.file, 0, "two steps say catchup = true; there is one catch-up")
    if any(step.is_advice for step in sequence.steps) and sequence.catchup is None:
        raise CampaignError(source.file, 0, 'a step says late = "merge" but no step says catchup = true')
    passage, person = _sample(sequence)
    dues: dict[str, datetime] = {}
    for table, step in _tables(source, sequence):
        _check_kind(table, step)
        _check_condition(table, step, passage, person)
        _check_window(table, step, sequence)
        _check_moments(table, step, sequence, passage, person, dues)
        _check_variants(table, step, every=[other.key for other in sequence.steps])


def _tables(source: Source, sequence: Sequence) -> Iterator[tuple[Table, Step]]:
    for index, step in enumerate(sequence.steps):
        yield Table(source, {}, f"step {step.key!r}", index), step


def _check_names(source: Source, sequence: Sequence) -> None:
    seen: set[str] = set()
    every = {step.key for step in sequence.steps}
    for table, step in _tables(source, sequence):
        if step.key in seen:
            raise table.error("key", "is there twice; a step's key is its identity")
        for other in sorted(_counted_from(step) - seen):
            raise table.error("after_step", f"{other!r} is no step before this one")
        for other in sorted(set(step.apart.steps if step.apart else ()) - every):
            raise table.error("apart", f"{other!r} is no step of this sequence")
        seen.add(step.key)


def _counted_from(step: Step) -> set[str]:
    rules = (step.rule, step.otherwise, *step.expires)
    return {rule.after_step for rule in rules if isinstance(rule, CalendarRule)} - {""}


def _check_kind(table: Table, step: Step) -> None:
    for field, rule in (("after", step.rule), ("otherwise", step.otherwise)):
        if rule and _counts_from_due(rule):
            raise table.error(field, '"due" is for expires only; a step cannot be due after itself')
    if step.once_per is OncePer.ACT and step.answers is None:
        raise table.error("once_per", '"act" is for steps that answer one, such as after = "moved"')
    if step.is_catchup and step.once_per is not OncePer.DATE:
        raise table.error("once_per", 'a catch-up comes once per "date"')
    if step.answers and isinstance(step.rule, ElapsedRule) and step.rule.delay < timedelta():
        raise table.error("delay", f"is negative; nobody knows of {step.answers!s} before it happens")
    if step.is_advice and not step.follows_interview_day:
        raise table.error("late", '"merge" is for steps counted from the interview; this one answers an act')


def _counts_from_due(rule: Rule) -> bool:
    return isinstance(rule, ElapsedRule) and rule.after is Anchor.DUE


def _check_condition(table: Table, step: Step, passage: Passage, person: Person) -> None:
    """A condition must have an answer for everybody: who told us everything, and who told us very little."""
    silent = replace(passage, start_time=None, decision_on=None, outcome="", outcome_at=None)
    for known in (passage, silent) if step.when else ():
        seen = appointment(known, person, now=known.starts_at)
        try:
            assert step.when
            step.when.holds({"subscriber": reader(person), "interview": seen})
        except ConditionError as error:
            raise table.error("when", str(error)) from None


def _check_variants(table: Table, step: Step, *, every: Collection[str]) -> None:
    """Raises where the words of a variant are another email's, or what decides can never be counted."""
    for one in step.variants:
        if one.template in every:
            message = (
                f"variant {one.key!r} has the words of the step {one.template!r}; give it a folder of its own"
            )
            raise table.error("variants", message)
    if step.decide and step.decide.by is Goal.CLICKS and step.despite_unsubscribe:
        message = "no click is ever counted in this email: it goes to people who have not agreed, or no more"
        raise table.error("decide", message)


def _check_window(table: Table, step: Step, sequence: Sequence) -> None:
    window = step.window or sequence.window
    if not isinstance(step.rule, CalendarRule) or not step.waits_for_window:
        return
    latest = datetime.combine(_DAY, step.rule.time) + sequence.jitter
    if (
        not datetime.combine(_DAY, window.opens)
        <= latest - sequence.jitter
        <= latest
        <= datetime.combine(_DAY, window.closes)
    ):
        spread = f" (and up to {sequence.jitter} later)" if sequence.jitter else ""
        hours = f"{window.opens} to {window.closes}"
        raise table.error("time", f"{step.rule.time}{spread} is outside the window from {hours}")


def _check_moments(
    table: Table, step: Step, sequence: Sequence, passage: Passage, person: Person, dues: dict[str, datetime]
) -> None:
    """On the sample interview every step must be due before it expires."""
    if step.is_catchup:
        return
    due = due_moment(step, sequence, passage, person, dues=dues)
    if due is None:
        raise table.error("after", "counts from something unknown even when everything is known")
    dues[step.key] = due
    own = [moment(rule, passage, person, dues=dues, due=due) for rule in step.expires]
    if any(end is not None and end <= due for end in own):
        raise table.error("expires", "this is over before the step is due; nobody would ever get it")
    if due >= expiry(step, passage, person, due=due, dues=dues):
        hours = int(LAST_BEFORE.total_seconds() // 3600)
        field = "after" if isinstance(step.rule, ElapsedRule) else "time"
        raise table.error(
            field,
            f"a step before the interview leaves {hours} hours before its start at the latest",
        )


def _sample(sequence: Sequence) -> tuple[Passage, Person]:
    """Somebody of whom everything is known."""
    noon = resolve(_DAY, time(12), "UTC")
    past = noon - timedelta(days=300)
    passage = Passage(
        campaign=sequence.key,
        held_on=_DAY,
        start_time=time(12),
        zone="UTC",
        requested_at=past,
        confirmed_at=past,
        moved_at=past,
        canceled_at=past,
        outcome="offer",
        outcome_at=noon + timedelta(days=3),
        decision_on=_DAY,
    )
    return passage, Person(home_zone="UTC", unsubscribed_at=past)
