"""What a template, a subject and a `when` expression may see, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time

from campaigns.languages import language_of


@dataclass(frozen=True, kw_only=True)
class Reader:
    """`subscriber` in the templates."""

    first_name: str = ""
    """Empty when we were not told."""
    home_zone: str = "UTC"
    has_newsletter: bool = False
    wants_goodbye: bool = False
    tags: tuple[str, ...] = ()
    """What the operator tied to them: `'vip' in subscriber.tags`."""


@dataclass(frozen=True, kw_only=True)
class Appointment:
    """`interview` in the templates. Empty strings and None mean: not told."""

    day: date
    """The calendar day where the interview takes place."""
    start_time: time | None = None
    """Wall time in `zone`."""
    zone: str = "UTC"
    starts_at: datetime | None = None
    """Aware, on the clock of `zone`; None when the time is unknown."""
    home_starts_at: datetime | None = None
    """The same moment on the reader's own clock; None when the time is unknown."""
    has_two_zones: bool = False
    """The reader's clock shows another time at the start than the interview's clock: print both."""
    mode: str = "unknown"
    """onsite | video | phone | unknown"""
    interviewers: str = "unknown"
    """same | new | unknown"""
    format: str = "unknown"
    """one_to_one | panel | case | presentation | group | unknown"""
    company: str = ""
    role: str = ""
    country: str = ""
    """ISO 3166-1 alpha-2, or empty."""
    decision_on: date | None = None
    outcome: str = ""
    """offer | rejected | next_round, or empty."""
    days_left: int = 0
    """Calendar days from the reader's today to the day the interview starts on the reader's calendar;
    negative afterwards."""
    is_past: bool = False
    """The interview is over (its end has passed)."""

    @property
    def home_start_time(self) -> time | None:
        """The start on the reader's own clock; None when the time is unknown."""
        return self.home_starts_at.time() if self.home_starts_at else None

    @property
    def is_today(self) -> bool:
        return self.days_left == 0

    @property
    def is_tomorrow(self) -> bool:
        return self.days_left == 1


@dataclass(frozen=True, kw_only=True)
class PlanEntry:
    """One line of the plan a reader sees."""

    key: str
    title: str
    at: datetime
    """Aware, on the reader's own clock."""
    titles: Mapping[str, str] = field(default_factory=dict, hash=False, repr=False)
    """In other languages, by code."""


@dataclass(frozen=True, kw_only=True)
class LinkSet:
    """`links` in the templates: each one signed, bound to one purpose, and harmless to open."""

    confirm: str = field(default="", repr=False)
    plan: str = field(default="", repr=False)
    move: str = field(default="", repr=False)
    cancel: str = field(default="", repr=False)
    outcome: str = field(default="", repr=False)
    decision: str = field(default="", repr=False)
    """Where the reader says by when they decide."""
    calendar: str = field(default="", repr=False)
    next_round: str = field(default="", repr=False)
    """The sign-up form for another interview."""
    newsletter: str = field(default="", repr=False)
    archive: str = field(default="", repr=False)
    """Where everybody reads an issue of a newsletter once all of it has left; issues only."""
    unsubscribe: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class Brand:
    """`brand` in the templates: the one place to re-brand."""

    name: str = "runup"
    postal_address: str = ""
    site_url: str = ""
    color: str = "#3B4CCA"
    logo_url: str = ""


@dataclass(frozen=True, kw_only=True)
class Context:
    """Everything a template may see. A frozen value: the same context renders to the same email."""

    subscriber: Reader
    interview: Appointment
    links: LinkSet
    brand: Brand
    plan: tuple[PlanEntry, ...] = ()
    """What is still to come, earliest first."""
    merged: tuple[str, ...] = ()
    """catchup only: the keys of the steps it stands for, in the order of the sequence."""
    is_rush: bool = False
    """catchup only: less than two hours to the start."""
    locale: str = "en"
    """How days are spelled; always in the language of the words around them (see `in_language`)."""

    def in_language(self, code: str) -> Context:
        """For words in that language: with its way of writing days, whatever the reader's, and its titles."""
        is_spelled_so = language_of(self.locale) == code
        if is_spelled_so and not self.plan:
            return self
        return replace(
            self,
            locale=self.locale if is_spelled_so else code,
            plan=tuple(replace(one, title=one.titles.get(code, one.title)) for one in self.plan),
        )
