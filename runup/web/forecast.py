"""The plan somebody would get if they confirmed now: the planner's own answer, before anything is stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TypeVar

from campaigns import PLAIN_WORDS, PlannedSend, Reason, Sequence
from campaigns.facts import Passage, Person
from campaigns.planning import preview
from runup.web import dates
from runup.web.languages import gettext as _
from runup.web.languages import language, ngettext
from runup.web.reading import InvalidFields
from subscribers import Mode, check_interview_date, parse_day, parse_time, parse_zone
from subscribers.wall_time import local
from subscribers.wording import Said

T = TypeVar("T")

AT_ONCE = Said("As soon as you confirm")


@dataclass(frozen=True, kw_only=True)
class Foreseen:
    """One line of the plan: an email, or the interview itself, which has no `step`.

    `at` is on the reader's clock; None for an interview whose time nobody knows. `instead_of`: titles of the
    emails whose core this one carries.
    """

    step: str
    title: str
    at: datetime | None
    when: str
    instead_of: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """The lines in their order, what is left out and why (title, reason), and all of it in a sentence."""

    zone: str
    summary: str
    is_late: bool
    lines: tuple[Foreseen, ...]
    left_out: tuple[tuple[str, str], ...]


def forecast(sequence: Sequence, fields: Mapping[str, str], *, now: datetime) -> Forecast:
    """Read day, time, zones and mode as the sign-up does, and plan. Raises InvalidFields."""
    person, passage = _read(fields, now=now)
    sends = preview(sequence, person=person, passage=passage, now=now)
    coming = [send for send in sends if send.is_open]
    emails = [(send.due_at, _email(send, sequence, person, now=now)) for send in coming if send.due_at]
    ordered = sorted([*emails, (passage.starts_at, _interview(passage, person))], key=lambda pair: pair[0])
    return Forecast(
        zone=person.home_zone,
        summary=_summary(coming, person, is_past=now >= passage.ends_at, now=now),
        is_late=any(send.merged for send in coming),
        lines=tuple(line for _at, line in ordered),
        left_out=tuple(
            (_title(send.step, sequence), _(PLAIN_WORDS[send.reason]))
            for send in sends
            if not send.is_open and send.reason and send.reason is not Reason.MERGED_INTO_CATCHUP
        ),
    )


def _read(fields: Mapping[str, str], *, now: datetime) -> tuple[Person, Passage]:
    errors: dict[str, str] = {}

    def take(name: str, parse: Callable[[str], T]) -> T | None:
        try:
            return parse(fields[name]) if fields.get(name) else None
        except ValueError as error:
            errors[name] = str(error)
            return None

    home_zone = take("home_zone", parse_zone)
    zone = take("interview_zone", parse_zone) or home_zone
    start: time | None = take("interview_time", parse_time)
    mode = take("mode", Mode) or Mode.UNKNOWN
    day: date | None = take(
        "interview_date", lambda value: check_interview_date(parse_day(value), zone or "UTC", now=now)
    )
    if "mode" in errors:
        errors["mode"] = Said("please choose one of these")
    if day is None:
        errors.setdefault("interview_date", Said("please enter the day of your interview"))
    if zone is None and not errors.keys() & {"home_zone", "interview_zone"}:
        errors["home_zone"] = Said("please choose your time zone")
    if errors or day is None or zone is None:
        raise InvalidFields(errors)
    passage = Passage(campaign="", held_on=day, start_time=start, zone=zone, mode=mode, requested_at=now)
    return Person(home_zone=home_zone or zone), passage


def _email(send: PlannedSend, sequence: Sequence, person: Person, *, now: datetime) -> Foreseen:
    assert send.due_at is not None
    at = local(send.due_at, person.home_zone)
    return Foreseen(
        step=send.step,
        title=_title(send.step, sequence),
        at=at,
        when=_(AT_ONCE) if send.due_at <= now else dates.moment(at),
        instead_of=tuple(_title(key, sequence) for key in send.merged),
    )


def _title(step: str, sequence: Sequence) -> str:
    return sequence.step(step).title_in(language())


def _interview(passage: Passage, person: Person) -> Foreseen:
    if passage.start_time is None:
        return Foreseen(step="", title=_("Your interview"), at=None, when=dates.day(passage.held_on))
    at = local(passage.starts_at, person.home_zone)
    there = local(passage.starts_at, passage.zone)
    elsewhere = f" ({dates.moment(there)}, {dates.place(passage.zone)})"
    is_elsewhere = at.replace(tzinfo=None) != there.replace(tzinfo=None)
    return Foreseen(
        step="", title=_("Your interview") + (elsewhere if is_elsewhere else ""), at=at, when=dates.moment(at)
    )


def _summary(coming: list[PlannedSend], person: Person, *, is_past: bool, now: datetime) -> str:
    count = ngettext("%(number)s email", "%(number)s emails", len(coming)) % {"number": len(coming)}
    later = [send.due_at for send in coming if send.due_at and send.due_at > now]
    then = (
        " " + _("The next one on %(when)s.") % {"when": dates.moment(local(later[0], person.home_zone))}
        if later
        else ""
    )
    merged = max((len(send.merged) for send in coming), default=0)
    if is_past and not later:
        return _("Your interview was a while ago, so there is nothing left to plan around it.")
    if is_past:
        return _("Your interview is over: %(count)s for the days after.") % {"count": count} + then
    if merged:
        close = _("Your interview is close: what you missed comes at once, in one short version.")
        return f"{close} {count}.{then}"
    first = " " + _("The first as soon as you confirm.") + then if len(later) < len(coming) else ""
    return f"{count}.{first}"
