"""The time a report speaks of, and the spans it is drawn in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

MOST_DAYS, MOST_WEEKS = 62, 106


class Span(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True)
class Period:
    """From `since` (included; None: from the beginning) to `until` (not included). Aware UTC."""

    since: datetime | None
    until: datetime

    @classmethod
    def of_days(cls, first: date | None, last: date | None, *, now: datetime) -> Period:
        """From the beginning of one day to the end of another, in UTC; to `now` where no last day is given.

        Raises ValueError when the last day is before the first."""
        if first and last and last < first:
            raise ValueError(f"{last} is before {first}")
        since = _beginning(first) if first else None
        until = _beginning(last + timedelta(days=1)) if last else now
        if since and until <= since:
            raise ValueError(f"{first} is still to come; say until when, too")
        return cls(since, until)


def span_for(first: date, last: date) -> Span:
    """As fine as a picture can show."""
    days = (last - first).days + 1
    if days <= MOST_DAYS:
        return Span.DAY
    return Span.WEEK if days <= MOST_WEEKS * 7 else Span.MONTH


def beginning_of(span: Span, day: date) -> date:
    """The first day of the span in which `day` lies; weeks begin on Mondays."""
    if span is Span.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if span is Span.MONTH else day


def spans(span: Span, first: date, last: date) -> list[date]:
    """The beginnings of all spans from one day to another."""
    found = [beginning_of(span, first)]
    while (following := _after(span, found[-1])) <= last:
        found.append(following)
    return found


def _after(span: Span, day: date) -> date:
    if span is Span.MONTH:
        return (day + timedelta(days=31)).replace(day=1)
    return day + timedelta(days=7 if span is Span.WEEK else 1)


def _beginning(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
