"""A reader of the visitor's choice: the form's values become facts, and the planner says when and whether."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta

from campaigns import PLAIN_WORDS, PlannedSend, Reason, Sequence, Situation, Step, plan
from campaigns.context import Brand, Context, PlanEntry
from campaigns.facts import Passage, Person, appointment, reader
from campaigns.moments import LAST_BEFORE
from campaigns.preview import SAMPLE_LINKS
from campaigns.sequence import Anchor
from subscribers.wall_time import UnknownZone, local, parse_zone, require_day, resolve

_JOINED_AT = time(10)
CHOICES = {
    "mode": ("unknown", "onsite", "video", "phone"),
    "interviewers": ("unknown", "same", "new"),
    "format": ("unknown", "one_to_one", "panel", "case", "presentation", "group"),
    "outcome": ("", "offer", "rejected", "next_round"),
}


@dataclass(frozen=True)
class Trial:
    """What this reader gets of one step, and when."""

    context: Context
    leaves_at: datetime | None
    """On the reader's clock; None when the step is left out."""
    why_not: str
    values: Mapping[str, str]
    """The form as it was understood."""
    errors: Mapping[str, str] = field(default_factory=dict)


def defaults(today: date) -> dict[str, str]:
    """Ana, eleven days before a Friday or whatever day it is then."""
    return {
        "day": (today + timedelta(days=11)).isoformat(), "time": "14:00", "joined": today.isoformat(),
        "zone": "Europe/Berlin", "home": "Europe/Berlin", "name": "Ana", "company": "", "role": "",
        "country": "", "mode": "video", "interviewers": "new", "format": "panel", "outcome": "",
        "decision": "", "newsletter": "", "language": "", "variant": "",
    }  # fmt: skip


def try_reader(
    form: Mapping[str, str], step: Step, sequence: Sequence, *, brand: Brand, today: date
) -> Trial:
    """The step for the reader the form describes. A value that cannot be is told, and its default stands."""
    read = _Form(form, defaults(today))
    person, passage = _facts(read, step, sequence.key)
    joined_at = passage.requested_at
    asked_at = max(filter(None, (joined_at, passage.outcome_at, passage.moved_at, passage.canceled_at)))
    situation = Situation(sequences={sequence.key: sequence}, person=person, passages=[passage])
    sends = plan(situation, now=joined_at)
    if step.answers not in (None, Anchor.CONFIRMED, Anchor.SIGNED_UP):
        sends = plan(situation, now=asked_at)
    send = next((one for one in sends if one.step == step.key), None)
    now = send.due_at if send and send.due_at else asked_at
    context = Context(
        subscriber=reader(person),
        interview=appointment(passage, person, now=now),
        links=SAMPLE_LINKS,
        brand=brand,
        plan=_to_come(sends, sequence, person, now) if step.is_at_once else (),
        merged=send.merged if send else (),
        is_rush=step.is_catchup and now > passage.starts_at - LAST_BEFORE,
        locale=read.text("language") or sequence.language,
    )
    leaves_at = local(now, person.home_zone) if send and send.due_at else None
    return Trial(context, leaves_at, _why_not(send), read.values, read.errors)


def _facts(read: _Form, step: Step, campaign: str) -> tuple[Person, Passage]:
    home, zone = read.zone("home"), read.zone("zone")
    day, joined = read.day("day", zone), read.day("joined", home)
    assert day
    assert joined
    joined_at = resolve(joined, _JOINED_AT, home)
    done_at = joined_at + timedelta(hours=2)
    is_goodbye = step.answers is Anchor.UNSUBSCRIBED
    person = Person(
        id=1,
        first_name=read.text("name"),
        home_zone=home,
        has_newsletter=bool(read.text("newsletter")),
        wants_goodbye=is_goodbye,
        unsubscribed_at=done_at if is_goodbye else None,
        suppression=Reason.UNSUBSCRIBED if is_goodbye else None,
    )
    outcome = read.choice("outcome")
    passage = Passage(
        id=1,
        campaign=campaign,
        held_on=day,
        start_time=read.time("time"),
        zone=zone,
        mode=read.choice("mode"),
        interviewers=read.choice("interviewers"),
        format=read.choice("format"),
        company=read.text("company"),
        role=read.text("role"),
        country=read.text("country").upper()[:2],
        decision_on=read.day("decision", zone),
        requested_at=joined_at,
        confirmed_at=None if step.answers is Anchor.SIGNED_UP else joined_at,
        moved_at=done_at if step.answers is Anchor.MOVED else None,
        canceled_at=done_at if step.answers is Anchor.CANCELED else None,
        outcome=outcome,
    )
    return person, _told(passage, outcome)


def _told(passage: Passage, outcome: str) -> Passage:
    """With the outcome told on the day after the interview, or after joining if that was later."""
    told_at = max(passage.ends_at, passage.requested_at) + timedelta(days=1)
    return replace(passage, outcome_at=told_at if outcome else None)


def _to_come(
    sends: list[PlannedSend], sequence: Sequence, person: Person, now: datetime
) -> tuple[PlanEntry, ...]:
    return tuple(
        PlanEntry(
            key=one.step,
            title=one.title,
            titles=sequence.step(one.step).titles,
            at=local(one.due_at, person.home_zone),
        )
        for one in sends
        if one.due_at and one.due_at > now
    )


def _why_not(send: PlannedSend | None) -> str:
    if send is None:
        return "there is nothing for it to answer"
    if send.due_at or send.reason is None:
        return ""
    words = PLAIN_WORDS[send.reason]
    return f"{words} ({send.detail})" if send.detail else words


class _Form:
    """Reads values one by one; what cannot be read is put down as an error and its default taken."""

    def __init__(self, given: Mapping[str, str], otherwise: Mapping[str, str]) -> None:
        self.values = {name: given.get(name, value).strip()[:100] for name, value in otherwise.items()}
        self.errors: dict[str, str] = {}
        self._otherwise = otherwise

    def text(self, name: str) -> str:
        return self.values[name]

    def choice(self, name: str) -> str:
        return (
            self.values[name] if self.values[name] in CHOICES[name] else self._refuse(name, "none of these")
        )

    def zone(self, name: str) -> str:
        try:
            return parse_zone(self.values[name])
        except UnknownZone:
            return self._refuse(name, "no time zone we know; write one like Europe/Berlin")

    def day(self, name: str, zone: str) -> date | None:
        if not self.values[name] and not self._otherwise[name]:
            return None
        try:
            return require_day(date.fromisoformat(self.values[name]), zone)
        except (ValueError, OverflowError):
            return date.fromisoformat(self._refuse(name, "no day of the calendar"))

    def time(self, name: str) -> time | None:
        if not self.values[name]:
            return None
        try:
            return time.fromisoformat(self.values[name])
        except ValueError:
            return time.fromisoformat(self._refuse(name, "no time of day"))

    def _refuse(self, name: str, why: str) -> str:
        self.errors[name] = f"“{self.values[name]}” is {why}"
        self.values[name] = self._otherwise[name]
        return self._otherwise[name]
