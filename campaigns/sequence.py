from __future__ import annotations

from dataclasses import dataclass
from datetime import time, timedelta
from enum import StrEnum
from functools import cached_property

from campaigns.expressions import Condition


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
    despite_unsubscribe: bool = False
    """The only two of their kind: the confirmation of a new sign-up, and the goodbye somebody asked for."""

    @property
    def is_advice(self) -> bool:
        """Evergreen: as good in the catch-up, and useless twice within a month."""
        return self.late is Late.MERGE

    @property
    def is_before(self) -> bool:
        """Speaks of an interview to come; it may not leave close to the start, whatever else is said."""
        return (
            isinstance(self.rule, CalendarRule)
            and self.rule.counted_from is Day.INTERVIEW
            and (self.rule.day < 0 or (self.rule.day == 0 and not self.rule.after_step))
        )


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

    @cached_property
    def _by_key(self) -> dict[str, Step]:
        return {step.key: step for step in self.steps}

    def step(self, key: str) -> Step:
        """The step of that key; KeyError when a newer version has removed it."""
        return self._by_key[key]

    def __contains__(self, key: str) -> bool:
        return key in self._by_key

    @property
    def catchup(self) -> Step | None:
        return next((step for step in self.steps if step.is_catchup), None)
