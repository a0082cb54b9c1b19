"""One person's emails as workers would send them, in memory: no database, no provider, nothing leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from campaigns.context import PlanEntry
from campaigns.enrollment import Enrollment
from campaigns.facts import Person
from campaigns.planning import Situation, plan
from campaigns.reasons import Reason
from campaigns.sequence import Sequence, Step
from campaigns.trial import chosen
from campaigns.variants import wording
from scheduler.claiming import CALL, FRESH
from scheduler.draft import Draft
from scheduler.intending import GUARD
from scheduler.ledger import Ledger
from scheduler.send import UNSENT, Send, State
from scheduler.situation import history_of, passage
from subscribers.interview import Interview, Outcome, check_interview_date
from subscribers.signup import SignUp
from subscribers.subscriber import Subscriber
from subscribers.wall_time import local

Write = Callable[[Draft, datetime], str]
"""Writes the email of a draft that leaves at a moment; returns why it cannot be written, or nothing."""
TOGETHER = CALL + GUARD
"""A call that could end after its email's own end is not begun."""


@dataclass(eq=False, slots=True)
class _Waiting:
    """A row that has not left, with the moments that such a row always has."""

    row: Send
    step: Step
    due_at: datetime
    ready_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, row: Send, sequence: Sequence) -> _Waiting:
        assert row.due_at
        assert row.ready_at
        assert row.expires_at
        return cls(row, sequence.step(row.step), row.due_at, row.ready_at, row.expires_at)

    def is_out_of_date(self, now: datetime) -> bool:
        fresh = now - FRESH
        return self.expires_at <= now or (self.ready_at <= fresh and self.row.planned_at <= fresh)

    def has_time(self, now: datetime) -> bool:
        return self.expires_at >= now + TOGETHER

    def next_moment(self, after: datetime) -> datetime:
        # What is due and has no time for a call any more waits for its end.
        return self.ready_at if self.ready_at > after or self.has_time(after) else self.expires_at

    def entry(self, zone: str) -> PlanEntry:
        step = self.step
        return PlanEntry(key=step.key, title=step.title, titles=step.titles, at=local(self.due_at, zone))


class Rehearsal:
    """Somebody who signs up and confirms at once, with one interview, and no pause and nothing else known.

    The provider takes everything at once. The facts change by the rooms' own rules, the rows come from the
    planner and the ledger that workers use; only claims and last checks are told again here, for one person.
    """

    def __init__(self, number: int, form: SignUp, sequence: Sequence, *, write: Write, now: datetime) -> None:
        self._sequence = sequence
        self._write = write
        self._suppression: Reason | None = None
        self.subscriber = Subscriber(
            id=number, address=form.address, first_name=form.first_name, home_zone=form.home_zone,
            locale=form.locale, wants_goodbye=False,
        )  # fmt: skip
        self.interview = Interview(
            id=number, subscriber=self.subscriber, campaign=sequence.key, held_on=form.held_on,
            start_time=form.start_time, zone=form.zone, mode=form.mode, interviewers=form.interviewers,
            format=form.format, company=form.company, role=form.role, country=form.country,
            decision_on=form.decision_on, revision=0, requested_at=now, confirmed_at=now,
        )  # fmt: skip
        self._enrollment = Enrollment(
            id=number, subscriber=self.subscriber, interview=self.interview, campaign=sequence.key
        )
        self.sends: list[Send] = []
        self.plan(now)

    # -- what the person does ------------------------------------------------------------------------------

    def move(self, held_on: date, now: datetime) -> None:
        """Raises what `check_interview_date` raises."""
        interview = self.interview
        check_interview_date(held_on, interview.zone, now=now)
        interview.move_to(held_on, interview.start_time, interview.zone, now=now)
        self.plan(now)

    def cancel(self, now: datetime) -> None:
        self.interview.call_off(now=now)
        self.plan(now)

    def tell(self, outcome: Outcome, now: datetime) -> None:
        self.interview.end_with(outcome, now=now)
        self.plan(now)

    def unsubscribe(self, now: datetime) -> None:
        if self._suppression is None:
            self._suppression, self.subscriber.unsubscribed_at = Reason.UNSUBSCRIBED, now
        self.plan(now)

    # -- what a worker does --------------------------------------------------------------------------------

    def tick(self, now: datetime) -> None:
        """Everything there is to do at `now`."""
        if any(one.is_out_of_date(now) for one in self._waiting):
            self.plan(now)
        while due := [one for one in self._waiting if one.ready_at <= now and one.has_time(now)]:
            self._leave(min(due, key=lambda one: one.expires_at), now)

    def next_moment(self, after: datetime) -> datetime | None:
        """When there is something to do again; None when nothing waits."""
        moments = [one.next_moment(after) for one in self._waiting]
        return max(min(moments), after + timedelta(seconds=1)) if moments else None

    def overdue(self, now: datetime) -> tuple[int, int]:
        """How many sends are due at `now`, and how many of these have reached their end."""
        due = [one for one in self._waiting if one.ready_at <= now or one.expires_at <= now]
        return len(due), sum(one.expires_at <= now for one in due)

    @property
    def is_open(self) -> bool:
        return bool(self._waiting)

    def plan(self, now: datetime) -> None:
        """Make the sends agree with the facts. `person` and `passage` are the facts of the latest plan."""
        self.passage = passage(self._enrollment)
        self.person = self._known_person()
        situation = Situation(
            sequences={self._sequence.key: self._sequence},
            person=self.person,
            passages=[self.passage],
            history=history_of(self.sends),
        )
        planned = plan(situation, now=now)
        ledger = Ledger(situation, self.sends, epoch=0, now=now)
        ledger.withdraw(planned)
        self.sends += ledger.schedule(planned)
        self._waiting = [_Waiting.of(row, self._sequence) for row in self.sends if row.state in UNSENT]

    def _known_person(self) -> Person:
        return Person(
            id=self.subscriber.id,
            first_name=self.subscriber.first_name,
            home_zone=self.subscriber.home_zone,
            locale=self.subscriber.locale,
            unsubscribed_at=self.subscriber.unsubscribed_at,
            suppression=self._suppression,
        )

    def _leave(self, one: _Waiting, now: datetime) -> None:
        row = one.row
        if (later := self._free_from(row)) and later > now:
            one.ready_at = row.ready_at = later
            return
        row.state, row.reason, row.left_at = State.ACCEPTED, Reason.ACCEPTED, now
        if error := self._write(self._draft(row), now):
            row.state, row.reason, row.left_at = State.DEAD, Reason.RENDER_ERROR, None
            row.detail = error[:300]
        row.ready_at, row.finished_at = None, now
        self._waiting.remove(one)

    def _free_from(self, row: Send) -> datetime | None:
        """A gap after the latest email that counts; None when this one waits for nobody."""
        left = [other.left_at for other in self.sends if other.counts_for_gap and other.left_at]
        return max(left) + self._sequence.gap if row.waits_for_gap and left else None

    def _draft(self, row: Send) -> Draft:
        return Draft(
            send_id=self.sends.index(row) + 1,
            campaign=row.campaign,
            step=row.step,
            reference=row.reference,
            attempt=1,
            subscriber_id=self.subscriber.id,
            interview_id=self.interview.id,
            address=self.subscriber.address or "",
            person=self.person,
            passage=self.passage,
            merged=tuple(row.merged.split()),
            plan=self._still_to_come(row) if self._sequence.step(row.step).is_at_once else (),
            needs_consent=row.needs_consent,
            wording=self._wording(row.step),
        )

    def _wording(self, key: str) -> str:
        """As their number has it: nobody has decided anything in a rehearsal."""
        step = self._sequence.step(key)
        return wording(key, chosen(self._sequence.key, step, self.subscriber.id)) if step.variants else ""

    def _still_to_come(self, leaving: Send) -> tuple[PlanEntry, ...]:
        coming = sorted((one for one in self._waiting if one.row is not leaving), key=lambda one: one.due_at)
        return tuple(one.entry(self.subscriber.home_zone) for one in coming)
