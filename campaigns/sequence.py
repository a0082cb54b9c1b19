from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from enum import StrEnum
from functools import cached_property

from campaigns.expressions import Condition
from campaigns.languages import OWN, language_of
from campaigns.variants import DecideBy, Variant


class Late(StrEnum):
    """What becomes of a step whose moment had passed when the plan became known."""

    MERGE = "merge"
    SEND = "send"
    SKIP = "skip"


class OncePer(StrEnum):
    """How often a step may reach one person in one enrollment."""

    ENROLLMENT = "enrollment"
    DATE = "date"
    """Again when the interview moves."""
    ACT = "act"
    """Again each time the person does what it answers (signs up, moves, cancels, unsubscribes)."""


class OnUnknown(StrEnum):
    """What becomes of a send when nothing ever tells whether it left."""

    DROP = "drop"
    """It ends as unknown: rather no email than two."""
    RESEND = "resend"
    """It goes once more, blindly: rather two emails than none."""


class Anchor(StrEnum):
    """The moments an elapsed rule counts from."""

    SIGNED_UP = "signed_up"
    CONFIRMED = "confirmed"
    MOVED = "moved"
    CANCELED = "canceled"
    UNSUBSCRIBED = "unsubscribed"
    OUTCOME = "outcome"
    INTERVIEW_START = "interview_start"
    INTERVIEW_END = "interview_end"
    DUE = "due"
    """In `expires` only: the moment the step itself is due."""

    @property
    def is_act(self) -> bool:
        """Something the person did, as opposed to a moment of the interview."""
        return self in _ACTS


_ACTS = {
    Anchor.SIGNED_UP,
    Anchor.CONFIRMED,
    Anchor.MOVED,
    Anchor.CANCELED,
    Anchor.UNSUBSCRIBED,
    Anchor.OUTCOME,
}


class Day(StrEnum):
    """The calendar days a calendar rule counts from."""

    INTERVIEW = "interview"
    DECISION = "decision"
    OUTCOME = "outcome"


@dataclass(frozen=True, kw_only=True)
class CalendarRule:
    """A wall time on a calendar day, where the subscriber lives: never a number of hours."""

    day: int
    """Days from `counted_from`."""
    time: time
    counted_from: Day = Day.INTERVIEW
    after_step: str = ""
    """Counted from the day this step is due instead, wherever `counted_from` points."""
    business_days: int = 0
    """Weekdays to go on after `day`."""


@dataclass(frozen=True, kw_only=True)
class ElapsedRule:
    """Real time from a moment; negative for before it."""

    after: Anchor
    delay: timedelta


Rule = CalendarRule | ElapsedRule


@dataclass(frozen=True, kw_only=True)
class Window:
    """The hours of the day, on the subscriber's clock, in which we may write; both ends included."""

    opens: time
    closes: time


@dataclass(frozen=True, kw_only=True)
class Apart:
    """Leave a step out when one of `steps` left less than `by` before it."""

    steps: tuple[str, ...]
    by: timedelta


@dataclass(frozen=True, kw_only=True)
class Step:
    """One email of a sequence, with its timing. `key` is its identity for good, and its folder's name."""

    key: str
    title: str
    rule: Rule
    otherwise: Rule | None = None
    """Takes the place of `rule` when the day it counts from is unknown."""
    expires: tuple[Rule, ...]
    """The earliest of these ends it."""
    late: Late
    once_per: OncePer
    when: Condition | None = None
    until_outcome: bool = False
    """Pointless once we know what came of the interview."""
    window: Window | None = None
    exempt: frozenset[str] = frozenset()
    """`gap`, `window`: what this step does not wait for."""
    weekdays: bool = False
    """Due on a Saturday or Sunday means due on Monday."""
    is_notice: bool = False
    """Answers what the person just did: at once, beside the gap, and no other email waits for it."""
    apart: Apart | None = None
    is_catchup: bool = False
    """Stands for the missed `merge` steps of the sequence."""
    on_unknown: OnUnknown = OnUnknown.DROP
    despite_unsubscribe: bool = False
    """The only ones of their kind: the request to confirm a new sign-up, once more after a day (though not
    to somebody who had unsubscribed), and the goodbye somebody asked for."""
    titles: Mapping[str, str] = field(default_factory=dict, hash=False)
    """`title` in other languages than the sequence's own, by code."""
    variants: tuple[Variant, ...] = ()
    decide: DecideBy | None = None
    """The rule between the variants; there where they are."""

    def title_in(self, locale: str) -> str:
        """For a reader of this locale: their language, or the sequence's own."""
        return self.titles.get(language_of(locale), self.title)

    @cached_property
    def answers(self) -> Anchor | None:
        """The act of the person it answers; None when it follows from the calendar, as the catch-up does."""
        if self.is_catchup or isinstance(self.rule, CalendarRule) or not self.rule.after.is_act:
            return None
        return self.rule.after

    @cached_property
    def is_at_once(self) -> bool:
        """Nobody waits for it: due the moment its occasion comes, without jitter."""
        is_prompt = isinstance(self.rule, ElapsedRule) and not self.rule.delay
        return self.is_catchup or (self.answers is not None and is_prompt)

    @cached_property
    def is_reminder(self) -> bool:
        """Asks once more for the confirmation that nobody has given."""
        return self.answers is Anchor.SIGNED_UP and not self.is_at_once

    @cached_property
    def is_advice(self) -> bool:
        """Evergreen: as good in the catch-up, and useless twice within a month."""
        return self.late is Late.MERGE

    @cached_property
    def is_ordered(self) -> bool:
        """Has a place in the sequence, where a later step may pass it over; an answer to an act has none."""
        return not (self.is_notice or self.is_at_once)

    @cached_property
    def waits_for_gap(self) -> bool:
        return not (self.is_notice or "gap" in self.exempt)

    @cached_property
    def waits_for_window(self) -> bool:
        return not (self.is_notice or "window" in self.exempt)

    @cached_property
    def is_before(self) -> bool:
        """Written for the days before the interview, wherever its moment falls for one person."""
        return any(_is_before(rule) for rule in (self.rule, self.otherwise) if rule)

    @cached_property
    def follows_interview_day(self) -> bool:
        """Counted from the interview, at first or second hand, and not from what the person did or told."""
        is_told = isinstance(self.rule, CalendarRule) and self.rule.counted_from is not Day.INTERVIEW
        return self.answers is None and not is_told


def _is_before(rule: Rule) -> bool:
    if isinstance(rule, ElapsedRule):
        return rule.after is Anchor.INTERVIEW_START and rule.delay < timedelta()
    return rule.counted_from is Day.INTERVIEW and not rule.after_step and rule.day <= 0


@dataclass(frozen=True, kw_only=True)
class Sequence:
    """A drip's ordered emails. Read with `load_sequence`, which has checked it."""

    key: str
    name: str
    window: Window
    gap: timedelta
    jitter: timedelta
    steps: tuple[Step, ...]
    version: str = ""
    language: str = OWN
    """What its files without a language in their names are written in."""

    @cached_property
    def _by_key(self) -> dict[str, Step]:
        return {step.key: step for step in self.steps}

    def step(self, key: str) -> Step:
        """The step of that key; KeyError when a newer version has removed it."""
        return self._by_key[key]

    def __contains__(self, key: str) -> bool:
        return key in self._by_key

    @cached_property
    def catchup(self) -> Step | None:
        return next((step for step in self.steps if step.is_catchup), None)

    @cached_property
    def notices(self) -> frozenset[str]:
        """The keys of the steps that no other email waits for."""
        return frozenset(step.key for step in self.steps if step.is_notice)
