from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from runup.database import Base
from subscribers.past import Happened, remember
from subscribers.subscriber import Subscriber, lock_subscriber
from subscribers.wall_time import local_day, parse_zone, require_day, resolve
from subscribers.wording import Said

MOST_DAYS_AHEAD = 365
MOST_DAYS_PAST = 60
ASSUMED_START = time(10, 0)
"""Where a rule needs a moment and the start time is unknown (timing.md)."""


class Mode(StrEnum):
    ONSITE = "onsite"
    VIDEO = "video"
    PHONE = "phone"
    UNKNOWN = "unknown"


class Interviewers(StrEnum):
    SAME = "same"
    NEW = "new"
    UNKNOWN = "unknown"


class Format(StrEnum):
    ONE_TO_ONE = "one_to_one"
    PANEL = "panel"
    CASE = "case"
    PRESENTATION = "presentation"
    GROUP = "group"
    UNKNOWN = "unknown"


class Outcome(StrEnum):
    OFFER = "offer"
    REJECTED = "rejected"
    NEXT_ROUND = "next_round"


class InvalidInterviewDate(ValueError):
    """A date nobody can have an interview on, as far as we can tell; the message is for the field."""


class Interview(Base):
    """The subscriber's appointment: a calendar day in a zone, perhaps with a start time.

    The day and the wall time are the facts; every UTC moment is computed from them. `revision` grows
    whenever the appointment itself moves (day, start time or zone): emails about the old one are void, and
    a calendar program sees it as SEQUENCE. `confirmed_at` is when the person said by a POST that this
    interview is theirs: a stranger may type any address into the form.
    """

    __tablename__ = "interview"
    __table_args__ = (
        CheckConstraint("outcome IS NULL OR outcome_at IS NOT NULL", name="outcome_has_a_moment"),
        Index("ix_interview_subscriber", "subscriber_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id", ondelete="CASCADE"))
    campaign: Mapped[str] = mapped_column(String(64))
    """The sequence they signed up for, by its key. Opaque here."""
    held_on: Mapped[date]
    start_time: Mapped[time | None]
    zone: Mapped[str] = mapped_column(String(64))
    mode: Mapped[str] = mapped_column(String(16), default=Mode.UNKNOWN)
    interviewers: Mapped[str] = mapped_column(String(16), default=Interviewers.UNKNOWN)
    format: Mapped[str] = mapped_column(String(16), default=Format.UNKNOWN)
    company: Mapped[str] = mapped_column(String(120), default="")
    role: Mapped[str] = mapped_column(String(120), default="")
    country: Mapped[str] = mapped_column(String(2), default="")
    decision_on: Mapped[date | None]
    revision: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    requested_at: Mapped[datetime]
    """The latest sign-up for it: `created_at`, or when the form was sent again before confirming."""
    confirmed_at: Mapped[datetime | None]
    moved_at: Mapped[datetime | None]
    canceled_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(String(16))
    outcome_at: Mapped[datetime | None]
    forgotten_at: Mapped[datetime | None]
    """When all that was told about it was deleted; only its day is left."""
    merged_into: Mapped[int | None]
    """The interview it turned out to be, when two doubles had told of one appointment."""

    subscriber: Mapped[Subscriber] = relationship(back_populates="interviews")

    def __repr__(self) -> str:
        return f"Interview(id={self.id}, held_on={self.held_on}, zone={self.zone!r})"

    @property
    def is_time_known(self) -> bool:
        return self.start_time is not None

    @property
    def starts_at(self) -> datetime:
        """The start in UTC; at 10:00 when the time is unknown."""
        return start_of(self.held_on, self.start_time, self.zone)

    @property
    def ends_at(self) -> datetime:
        """The end we assume, in UTC."""
        return end_of(self.starts_at, self.mode)

    # The facts alone; `move`, `cancel`, `tell_outcome` lock and plan. Each returns whether anything changed.

    def move_to(self, held_on: date, start_time: time | None, zone: str, *, now: datetime) -> bool:
        wanted = (held_on, start_time, zone)
        if wanted == (self.held_on, self.start_time, self.zone) and not self.canceled_at:
            return False
        self.held_on, self.start_time, self.zone = wanted
        self.revision += 1
        self.moved_at = now.astimezone(UTC)
        self.canceled_at = None
        # What was told about the old date says nothing about the new one.
        self.outcome, self.outcome_at = None, None
        if self.decision_on and self.decision_on < held_on:
            self.decision_on = None
        return True

    def call_off(self, *, now: datetime) -> bool:
        if self.canceled_at:
            return False
        self.canceled_at = now
        return True

    def end_with(self, outcome: Outcome, *, now: datetime) -> bool:
        is_news = self.outcome != outcome
        if is_news:
            self.outcome, self.outcome_at = outcome, now
        return is_news


def start_of(held_on: date, start_time: time | None, zone: str) -> datetime:
    """The start in UTC; at 10:00 when the time is unknown, for the rules that need a moment."""
    return resolve(held_on, start_time or ASSUMED_START, zone)


def end_of(starts_at: datetime, mode: str) -> datetime:
    """The end we assume: an hour after the start, three for a visit on site."""
    return starts_at + timedelta(hours=3 if mode == Mode.ONSITE else 1)


def check_interview_date(held_on: date, zone: str, *, now: datetime) -> date:
    """`held_on`, or InvalidInterviewDate / UnknownZone / MissingDate with a message for the field."""
    parse_zone(zone)
    today = local_day(now, zone)
    if held_on > today + timedelta(days=MOST_DAYS_AHEAD):
        raise InvalidInterviewDate(
            Said("%(day)s is more than a year ahead; please check the year", day=held_on)
        )
    if held_on < today - timedelta(days=MOST_DAYS_PAST):
        raise InvalidInterviewDate(
            Said(
                "%(day)s is more than %(days)s days past; please check the date",
                day=held_on,
                days=MOST_DAYS_PAST,
            )
        )
    return require_day(held_on, zone)


def move(
    session: Session,
    interview: Interview,
    *,
    held_on: date,
    start_time: time | None,
    zone: str,
    now: datetime,
) -> bool:
    """Set another day, start time or zone. Returns whether anything changed.

    A canceled interview is taken up again by moving it. Raises what `check_interview_date` raises.
    """
    check_interview_date(held_on, zone, now=now)
    subscriber = _lock(session, interview)
    was = _appointment(interview)
    if not interview.move_to(held_on, start_time, zone, now=now):
        return False
    detail = f"interview {interview.id}: from {was} to {_appointment(interview)}"
    remember(session, subscriber.id, Happened.MOVED, at=now, detail=detail)
    subscriber.touch()
    return True


def cancel(session: Session, interview: Interview, *, now: datetime) -> bool:
    """The interview will not take place. Returns whether anything changed."""
    subscriber = _lock(session, interview)
    if not interview.call_off(now=now):
        return False
    subscriber.touch()
    return True


def tell_outcome(session: Session, interview: Interview, outcome: Outcome, *, now: datetime) -> bool:
    """What came of it. Telling it again changes it; the first moment counts where nothing changes."""
    subscriber = _lock(session, interview)
    if not interview.end_with(outcome, now=now):
        return False
    subscriber.touch()
    return True


def tell_decision_day(session: Session, interview: Interview, decision_on: date | None) -> bool:
    """By when they decide; None takes it back. Raises InvalidInterviewDate for a day before the interview or
    more than a year after it."""
    latest = interview.held_on + timedelta(days=MOST_DAYS_AHEAD)
    if decision_on and not interview.held_on <= decision_on <= latest:
        raise InvalidInterviewDate(
            Said(
                "%(day)s is not on or within a year after the interview (%(held_on)s)",
                day=decision_on,
                held_on=interview.held_on,
            )
        )
    subscriber = _lock(session, interview)
    if interview.decision_on == decision_on:
        return False
    interview.decision_on = decision_on
    subscriber.touch()
    return True


def change_details(session: Session, interview: Interview, **details: str) -> bool:
    """Change what shapes the words: mode, interviewers, format, company, role, country."""
    unknown = details.keys() - {"mode", "interviewers", "format", "company", "role", "country"}
    if unknown:
        raise ValueError(f"{sorted(unknown)} are no details of an interview")
    subscriber = _lock(session, interview)
    changed = {name: value for name, value in details.items() if getattr(interview, name) != value}
    for name, value in changed.items():
        setattr(interview, name, value)
    if changed:
        subscriber.touch()
    return bool(changed)


def _appointment(interview: Interview) -> str:
    start = f" {interview.start_time:%H:%M}" if interview.start_time else ""
    return f"{interview.held_on}{start} {interview.zone}"


def _lock(session: Session, interview: Interview) -> Subscriber:
    subscriber = lock_subscriber(session, interview.subscriber_id)
    assert subscriber is not None, "an interview has a subscriber"
    session.refresh(interview)
    return subscriber
