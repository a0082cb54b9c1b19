"""What planning and the words know of a person: frozen values, read from the rows once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import cached_property

from campaigns.context import Appointment, Reader
from campaigns.reasons import Reason
from subscribers.interview import end_of, start_of
from subscribers.wall_time import local, local_day


@dataclass(frozen=True, kw_only=True)
class Person:
    """The subscriber, as far as timing and words care."""

    id: int = 0
    first_name: str = ""
    home_zone: str
    locale: str = "en"
    has_newsletter: bool = False
    wants_goodbye: bool = False
    tags: tuple[str, ...] = ()
    unsubscribed_at: datetime | None = None
    suppression: Reason | None = None
    """UNSUBSCRIBED, SUPPRESSED_… or ERASED; None when we may write."""


@dataclass(frozen=True, kw_only=True)
class Rest:
    """A time in which the person wants no emails, in aware UTC; `ends_at` None: until they say so."""

    began_at: datetime
    ends_at: datetime | None = None

    def holds_at(self, moment: datetime) -> bool:
        return self.began_at <= moment and (self.ends_at is None or moment < self.ends_at)


@dataclass(frozen=True, kw_only=True)
class Passage:
    """One enrollment: an interview on its way through a sequence. Moments are aware UTC."""

    id: int = 0
    campaign: str
    held_on: date
    start_time: time | None = None
    zone: str
    mode: str = "unknown"
    interviewers: str = "unknown"
    format: str = "unknown"
    company: str = ""
    role: str = ""
    country: str = ""
    decision_on: date | None = None
    revision: int = 0
    requested_at: datetime
    confirmed_at: datetime | None = None
    moved_at: datetime | None = None
    canceled_at: datetime | None = None
    outcome: str = ""
    outcome_at: datetime | None = None
    rests: tuple[Rest, ...] = ()
    """When they wanted none of these emails, and until when they want none."""

    @cached_property
    def starts_at(self) -> datetime:
        return start_of(self.held_on, self.start_time, self.zone)

    @cached_property
    def ends_at(self) -> datetime:
        return end_of(self.starts_at, self.mode)

    @cached_property
    def told_at(self) -> datetime:
        """When we were told of this date."""
        told = [moment for moment in (self.confirmed_at, self.moved_at) if moment]
        return max(told, default=self.requested_at)

    @cached_property
    def known_at(self) -> datetime:
        """From when on the plan for this date holds: what was due before is late, not missed by us.

        Whoever goes on after a pause is somebody who comes late; while one lasts this may lie ahead.
        """
        if self.confirmed_at is None:
            return self.told_at
        return max([self.told_at, *(rest.ends_at for rest in self.rests if rest.ends_at)])

    def rests_at(self, moment: datetime) -> bool:
        return any(rest.holds_at(moment) for rest in self.rests)

    @property
    def rests_for_good(self) -> bool:
        """Nobody knows when they want these emails again."""
        return any(rest.ends_at is None for rest in self.rests)

    def day_for(self, person: Person) -> date:
        """The interview day on the reader's own calendar: Friday 09:00 in Auckland is Thursday in Berlin."""
        return self.held_on if self.start_time is None else local_day(self.starts_at, person.home_zone)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A place on a newsletter list, asked for by a form. Of those asked for together only the first is looked
    at: one email asks for all."""

    id: int
    requested_at: datetime
    confirmed_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Past:
    """A send that has left, may have left, or was tried for good. `left_at` is None when it never left."""

    enrollment: int
    step: str
    occasion: str
    reason: Reason
    left_at: datetime | None = None
    merged: tuple[str, ...] = ()
    place: int = 0
    """The place on a list it asked for; 0 for those of an enrollment."""


def reader(person: Person) -> Reader:
    return Reader(
        first_name=person.first_name,
        home_zone=person.home_zone,
        has_newsletter=person.has_newsletter,
        wants_goodbye=person.wants_goodbye,
        tags=person.tags,
    )


def appointment(passage: Passage, person: Person, *, now: datetime) -> Appointment:
    """The interview as the words see it at `now`: "tomorrow" is the reader's tomorrow."""
    starts_at = passage.starts_at if passage.start_time is not None else None
    here = local(starts_at, passage.zone) if starts_at else None
    home = local(starts_at, person.home_zone) if starts_at else None
    return Appointment(
        day=passage.held_on,
        start_time=passage.start_time,
        zone=passage.zone,
        starts_at=here,
        home_starts_at=home,
        has_two_zones=bool(here and home and here.utcoffset() != home.utcoffset()),
        mode=passage.mode,
        interviewers=passage.interviewers,
        format=passage.format,
        company=passage.company,
        role=passage.role,
        country=passage.country,
        decision_on=passage.decision_on,
        outcome=passage.outcome,
        days_left=(passage.day_for(person) - local_day(now.astimezone(UTC), person.home_zone)).days,
        is_past=now >= passage.ends_at,
    )
