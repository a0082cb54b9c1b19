"""A person's days with us, told by the planner alone: facts change, a faultless worker sends what is due."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from campaigns.facts import Passage, Past, Person
from campaigns.planning import Pause, PlannedSend, Situation, plan
from campaigns.reasons import Reason
from campaigns.sequence import Sequence
from campaigns.timetable import load_sequence, parse_sequence

SHIPPED = load_sequence(files("templates") / "second_interview")
ON_THE_MINUTE = replace(SHIPPED, jitter=timedelta())
"""The shipped timetable without the spread, so that a test can say 09:00 and mean it."""

BERLIN = "Europe/Berlin"
ANA = Person(id=1, first_name="Ana", home_zone=BERLIN)
KIRI = Person(id=2, first_name="Kiri", home_zone="Pacific/Kiritimati")
SAM = Person(id=3, first_name="Sam", home_zone="America/St_Johns")

FRIDAY = date(2026, 6, 19)
AT_TWO = time(14)


def at(text: str, zone: str = BERLIN) -> datetime:
    """`2026-06-19 14:00` on the clocks of `zone`, as a moment."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def days_before(days: int, wall: str, *, day: date = FRIDAY, zone: str = BERLIN) -> datetime:
    """That many days before the interview day, at `wall`."""
    return at(f"{day - timedelta(days=days)} {wall}", zone)


def interview(confirmed: datetime | None = None, **facts: Any) -> Passage:
    """Friday 14:00 in Berlin unless told otherwise; signed up when confirmed."""
    told: dict[str, Any] = {"id": 1, "campaign": "second_interview", "held_on": FRIDAY, "start_time": AT_TWO}
    told |= {"zone": BERLIN, "requested_at": confirmed or days_before(30, "12:00"), "confirmed_at": confirmed}
    return Passage(**(told | facts))


def sequence_of(*steps: str, head: str = 'gap = "18h"') -> Sequence:
    """A small timetable for one rule; each step as TOML without its [[step]] line."""
    body = "\n".join(f"[[step]]\n{step}" for step in steps)
    return parse_sequence("second_interview", f'name = "Test"\nwindow = [07:00:00, 20:00:00]\n{head}\n{body}')


class Diary:
    """One person's facts and history. `live` lets time pass with a worker that sends everything in time."""

    def __init__(self, *passages: Passage, person: Person = ANA, sequence: Sequence = ON_THE_MINUTE) -> None:
        self.person = person
        self.passages = {passage.id: passage for passage in passages}
        self.sequence = sequence
        self.history: list[Past] = []
        self.pauses: list[Pause] = []
        self.added: dict[tuple[str, str], datetime] = {}
        self.now = min((passage.requested_at for passage in passages), default=at("2026-01-01 00:00"))

    @property
    def situation(self) -> Situation:
        return Situation(
            sequences={"second_interview": self.sequence},
            person=self.person,
            passages=list(self.passages.values()),
            history=list(self.history),
            pauses=list(self.pauses),
            added=dict(self.added),
        )

    def plan(self, now: datetime | None = None) -> list[PlannedSend]:
        return plan(self.situation, now=now or self.now)

    def look(self, step: str, *, now: datetime | None = None, enrollment: int = 1) -> PlannedSend:
        """What the plan says of `step`."""
        found = [s for s in self.plan(now) if (s.step, s.enrollment) == (step, enrollment)]
        assert len(found) == 1, f"{step} is {len(found)} times in the plan"
        return found[0]

    def live(self, until: datetime) -> Diary:
        """Time passes; what is due leaves at its moment, or now when that has passed."""
        while True:
            due = [s for s in self.plan() if s.due_at and not self.is_paused]
            send = min(due, key=lambda s: (s.due_at, s.expires_at), default=None)
            if send is None or send.due_at is None or max(send.due_at, self.now) > until:
                self.now = max(self.now, until)
                return self
            self.now = max(send.due_at, self.now)
            # The plan is made again before anything leaves, as the worker does after a while.
            if send in self.plan():
                self.leave(send)

    def live_on(self, days: int = 60) -> Diary:
        """To the end of everything."""
        return self.live(self.now + timedelta(days=days))

    def leave(self, send: PlannedSend) -> None:
        assert send.expires_at is None or self.now < send.expires_at, f"{send.step} leaves after its end"
        self.history.append(
            Past(
                enrollment=send.enrollment,
                step=send.step,
                occasion=send.occasion,
                reason=Reason.ACCEPTED,
                left_at=self.now,
                merged=send.merged,
            )
        )

    def sleep(self, until: datetime) -> Diary:
        """Time passes and nothing is sent: an outage."""
        self.now = until
        return self

    def change(self, enrollment: int = 1, **facts: Any) -> Diary:
        self.passages[enrollment] = replace(self.passages[enrollment], **facts)
        return self

    def move(self, *, enrollment: int = 1, **facts: Any) -> Diary:
        """As `subscribers.move` does: a new revision, taken up again when it was canceled."""
        passage = self.passages[enrollment]
        fresh = {"revision": passage.revision + 1, "moved_at": self.now, "canceled_at": None}
        return self.change(enrollment, **fresh, outcome="", outcome_at=None, **facts)

    def tell(self, outcome: str, *, enrollment: int = 1) -> Diary:
        return self.change(enrollment, outcome=outcome, outcome_at=self.now)

    def cancel(self, *, enrollment: int = 1) -> Diary:
        return self.change(enrollment, canceled_at=self.now)

    def be(self, **facts: Any) -> Diary:
        self.person = replace(self.person, **facts)
        return self

    def pause(self) -> Diary:
        self.pauses.append(Pause(campaign="second_interview", began_at=self.now))
        return self

    def resume(self) -> Diary:
        self.pauses[-1] = replace(self.pauses[-1], ended_at=self.now)
        return self

    def left(self, enrollment: int | None = None) -> list[tuple[str, str]]:
        """What has left, in order: the step, and the weekday and time on the person's clock."""
        zone = ZoneInfo(self.person.home_zone)
        return [
            (past.step, f"{past.left_at.astimezone(zone):%a %d %H:%M}")
            for past in self.history
            if past.left_at and enrollment in (None, past.enrollment)
        ]

    def steps_left(self, enrollment: int | None = None) -> list[str]:
        return [step for step, _ in self.left(enrollment)]

    def reasons(self, steps: Iterable[str], **where: Any) -> dict[str, Reason | None]:
        return {step: self.look(step, **where).reason for step in steps}

    @property
    def is_paused(self) -> bool:
        return any(pause.ended_at is None for pause in self.pauses)
