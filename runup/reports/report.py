"""What came of the emails: counted from the rows, step by step and over time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from campaigns import Catalog
from campaigns.errors import CampaignError
from runup.reports.counting import Fate, counted, within
from runup.reports.lateness import Delays, Lateness, delays
from runup.reports.moments import of_one_moment
from runup.reports.names import Key, Names
from runup.reports.people import Acts, acts_by_day, complaints, goodbyes
from runup.reports.period import Period, Span, beginning_of, span_for, spans
from runup.reports.reading import read_by_people
from runup.reports.variants import VariantCount, by_variant, verdicts
from scheduler import Send
from scheduler.reaction import ReactionKind
from scheduler.send import OPEN, is_in


@dataclass(kw_only=True)
class Line:
    """One step, or all of them."""

    campaign: str = ""
    step: str = ""
    title: str = ""
    fate: Fate = field(default_factory=Fate)
    lateness: Lateness = field(default_factory=Lateness)
    complained: int = 0
    unsubscribed: int = 0
    opened: int = 0
    """Emails that people opened, and below clicked in; machines do not count. 0 where it is not turned on."""
    clicked: int = 0
    left_over_time: list[int] = field(default_factory=list)
    """One number per span of the report."""


@dataclass(kw_only=True)
class Moment:
    """One span of time: what became of the emails that were due in it, and what people did in it."""

    begins_on: date
    fate: Fate = field(default_factory=Fate)
    acts: Acts = field(default_factory=Acts)


@dataclass(frozen=True, kw_only=True)
class Report:
    """Counted at `at`, of what was due in `period`. `campaign` "" is everything."""

    at: datetime
    campaign: str
    period: Period
    span: Span
    lines: list[Line]
    """In the order of the timetable."""
    total: Line
    moments: list[Moment]
    acts: Acts
    later: int
    """Sends that wait for a moment after the period."""
    variants: list[VariantCount] = field(default_factory=list)
    """Of emails that have some, by their names."""
    verdicts: list[str] = field(default_factory=list)
    """How each trial of variants stands, in a sentence."""


def report(
    session: Session, *, period: Period, catalog: Catalog, campaign: str = "", now: datetime
) -> Report:
    """Count. Memory grows with days and steps, not with emails. `session` has asked nothing yet: all numbers
    are of one moment."""
    of_one_moment(session)
    names = Names.read(session)
    conditions = [*within(period), *names.of(campaign)]
    lines: dict[Key, Line] = {}
    left: dict[Key, Counter[str]] = {}
    days: dict[str, Fate] = {}
    for key, day, state, reason, sends in counted(session, names, *conditions):
        fate = Fate()
        fate.add(state, reason, sends)
        _line(lines, key).fate.join(fate)
        days.setdefault(day, Fate()).join(fate)
        left.setdefault(key, Counter())[day] += fate.left
    acts = acts_by_day(session, names, period, campaign)
    _add_readers(session, names, lines, period, campaign)
    total = _add_lateness(lines, delays(session, names, *conditions))
    span, starts = _spans(period, {*days, *acts})
    for key, by_day in left.items():
        lines[key].left_over_time = _over_time(by_day, span, starts)
    return Report(
        at=now,
        campaign=campaign,
        period=period,
        span=span,
        lines=_in_order(lines.values(), names, catalog),
        total=_sum(lines.values(), total),
        moments=_moments(days, acts, span, starts),
        acts=_all(acts.values()),
        later=_later(session, period, names.of(campaign)),
        variants=by_variant(session, names, *conditions),
        verdicts=verdicts(session, catalog, campaign),
    )


def _line(lines: dict[Key, Line], key: Key) -> Line:
    return lines.setdefault(key, Line(campaign=key[0], step=key[1]))


def _add_readers(
    session: Session, names: Names, lines: dict[Key, Line], period: Period, campaign: str
) -> None:
    for key, _, emails in complaints(session, names, period):
        if campaign in ("", key[0]):
            _line(lines, key).complained += emails
    for key, _, people in goodbyes(session, names, period):
        if key[0] and campaign in ("", key[0]):
            _line(lines, key).unsubscribed += people
    for name, kind in (("opened", ReactionKind.OPENED), ("clicked", ReactionKind.CLICKED)):
        for key, emails in read_by_people(session, names, period, kind).items():
            if key in lines:
                setattr(lines[key], name, emails)


def _add_lateness(lines: dict[Key, Line], late: Mapping[Key, Delays]) -> Delays:
    total = Delays()
    for key, found in late.items():
        _line(lines, key).lateness = found.summary()
        total.join(found)
    return total


def _spans(period: Period, days: Iterable[str]) -> tuple[Span, list[date]]:
    seen = sorted(date.fromisoformat(day) for day in days)
    if not seen:
        return Span.DAY, []
    first = period.since.date() if period.since else seen[0]
    return (span := span_for(first, seen[-1])), spans(span, first, seen[-1])


def _over_time(by_day: Mapping[str, int], span: Span, starts: list[date]) -> list[int]:
    found = dict.fromkeys(starts, 0)
    for day, emails in by_day.items():
        found[beginning_of(span, date.fromisoformat(day))] += emails
    return list(found.values())


def _moments(
    days: Mapping[str, Fate], acts: Mapping[str, Acts], span: Span, starts: list[date]
) -> list[Moment]:
    found = {start: Moment(begins_on=start) for start in starts}
    for day, fate in days.items():
        found[beginning_of(span, date.fromisoformat(day))].fate.join(fate)
    for day, done in acts.items():
        found[beginning_of(span, date.fromisoformat(day))].acts.join(done)
    return list(found.values())


def _all(acts: Iterable[Acts]) -> Acts:
    found = Acts()
    for done in acts:
        found.join(done)
    return found


def _in_order(lines: Collection[Line], names: Names, catalog: Catalog) -> list[Line]:
    """As the timetable has them, then issues as they were written; what nobody knows any more comes last."""
    steps = {campaign: _steps(campaign, names, catalog) for campaign in {line.campaign for line in lines}}
    for line in lines:
        line.title = steps[line.campaign].get(line.step, "")

    def place(line: Line) -> tuple[str, int, str]:
        keys = list(steps[line.campaign])
        return line.campaign, keys.index(line.step) if line.step in keys else len(keys), line.step

    return sorted(lines, key=place)


def _steps(campaign: str, names: Names, catalog: Catalog) -> dict[str, str]:
    """The titles by step or issue, in order."""
    issues = {
        slug: subject for (newsletter, slug), subject in names.subjects.items() if newsletter == campaign
    }
    try:
        return {step.key: step.title for step in catalog.sequence(campaign).steps} | issues
    except CampaignError:
        return issues


def _sum(lines: Iterable[Line], late: Delays) -> Line:
    total = Line(lateness=late.summary())
    for line in lines:
        total.fate.join(line.fate)
        for name in ("complained", "unsubscribed", "opened", "clicked"):
            setattr(total, name, getattr(total, name) + getattr(line, name))
    total.left_over_time = [sum(column) for column in zip(*_filled(lines), strict=True)]
    return total


def _filled(lines: Iterable[Line]) -> list[list[int]]:
    return [line.left_over_time for line in lines if line.left_over_time]


def _later(session: Session, period: Period, of_campaign: list[ColumnElement[bool]]) -> int:
    found = select(func.count(Send.id)).where(is_in(*OPEN), Send.due_at >= period.until, *of_campaign)
    return session.scalar(found) or 0
