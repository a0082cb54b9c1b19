from __future__ import annotations

import secrets
from collections import defaultdict
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.catalog import Catalog
from campaigns.enrollment import Enrollment
from campaigns.planning import PlannedSend, plan
from campaigns.reasons import Reason
from campaigns.sequence import Step
from scheduler.send import UNSENT, Send, State, final_state, is_in
from scheduler.situation import enroll, read_situation
from subscribers.subscriber import Subscriber, lock_subscriber
from subscribers.wall_time import local, tzdata_version


def reconcile(session: Session, subscriber_id: int, *, catalog: Catalog, now: datetime) -> list[PlannedSend]:
    """Make a person's sends agree with the plan: insert, move, withdraw. The only way sends come and go.

    Call it in the transaction that changed the facts; running it again changes nothing. What is on the wire
    or has left is never touched, and a final row never changes. Returns the plan.
    """
    subscriber = lock_subscriber(session, subscriber_id)
    if subscriber is None:
        return []
    session.flush()
    enrollments = enroll(session, subscriber, catalog=catalog, now=now)
    rows = _read_rows(session, subscriber_id)
    planned = plan(read_situation(session, subscriber, enrollments, rows, catalog=catalog), now=now)
    _Ledger(session, subscriber, enrollments, rows, catalog=catalog, now=now).agree_with(planned)
    subscriber.planned_epoch = subscriber.epoch
    session.flush()
    return planned


def _read_rows(session: Session, subscriber_id: int) -> list[Send]:
    """All sends of the person, as they are now; those that have not left are locked.

    A claim asks nobody for the subscriber. A row claimed between our look and our change would leave with the
    words of the old facts, for the change makes it agree with the new ones.
    """
    is_sqlite = session.get_bind().dialect.name == "sqlite"  # one writer: all is locked
    of_person = select(Send).where(Send.subscriber_id == subscriber_id).order_by(Send.id)
    while True:
        locked: set[int] = set()
        if not is_sqlite:
            free = of_person.with_only_columns(Send.id).where(is_in(*UNSENT))
            locked = set(session.scalars(free.with_for_update()))
        rows = list(session.scalars(of_person.execution_options(populate_existing=True)))
        if is_sqlite or {row.id for row in rows if row.state in UNSENT} <= locked:
            return rows


class _Ledger:
    """The rows of one person, while they are brought in line with a plan."""

    def __init__(
        self,
        session: Session,
        subscriber: Subscriber,
        enrollments: list[Enrollment],
        rows: list[Send],
        *,
        catalog: Catalog,
        now: datetime,
    ) -> None:
        self.session = session
        self.subscriber = subscriber
        self.enrollments = {enrollment.id: enrollment for enrollment in enrollments}
        self.catalog = catalog
        self.now = now
        self.unsent = {(r.enrollment_id, r.step, r.occasion): r for r in rows if r.state in UNSENT}
        self.known = {(r.enrollment_id, r.step, r.occasion) for r in rows}
        self.occurrences: dict[tuple[int, str], int] = defaultdict(int)
        for row in rows:
            key = (row.enrollment_id, row.step)
            self.occurrences[key] = max(self.occurrences[key], row.occurrence + 1)

    def agree_with(self, planned: list[PlannedSend]) -> None:
        wanted = {(send.enrollment, send.step, send.occasion): send for send in planned}
        # What goes, goes first: a row taken up for another occasion must not meet the old one.
        for key, row in self.unsent.items():
            send = wanted.get(key)
            if send is None:
                _close(row, self._reason_gone(row), now=self.now)
            elif send.due_at is None and not send.settled:
                assert send.reason
                _close(row, send.reason, send.detail, now=self.now)
        self.session.flush()
        for key, send in wanted.items():
            if send.settled:
                continue
            if send.due_at is not None:
                self._schedule(self.unsent.get(key), send)
            elif key not in self.known:
                self._insert(send)

    def _schedule(self, row: Send | None, send: PlannedSend) -> None:
        row = row or self._insert(send)
        assert send.due_at
        for name, value in _manners(self._step_of(self.enrollments[row.enrollment_id], row.step)).items():
            setattr(row, name, value)
        if row.state == State.CLAIMED:
            # Its worker finds the lease gone at the last check and makes no call. It did not die over it.
            row.state, row.lease_token, row.lease_until = State.PLANNED, None, None
            row.claims = max(row.claims - 1, 0)
        if row.ready_at is None or row.due_at != send.due_at:
            not_before = row.ready_at if row.state == State.RETRY_WAIT else None
            row.ready_at = max(send.due_at, not_before) if not_before else send.due_at
        row.due_at, row.expires_at = send.due_at, send.expires_at
        row.reason, row.detail, row.merged = send.reason, send.detail, " ".join(send.merged)
        row.zone, row.tzdata_version = self.subscriber.home_zone, tzdata_version()
        row.local_at = local(send.due_at, row.zone).replace(tzinfo=None).isoformat(timespec="seconds")
        row.epoch, row.planned_at = self.subscriber.epoch, self.now

    def _insert(self, send: PlannedSend) -> Send:
        enrollment = self.enrollments[send.enrollment]
        row = Send(
            enrollment_id=enrollment.id,
            subscriber_id=self.subscriber.id,
            campaign=enrollment.campaign,
            step=send.step,
            occasion=send.occasion,
            occurrence=self.occurrences[enrollment.id, send.step],
            state=State.PLANNED,
            due_at=send.due_at,
            expires_at=send.expires_at,
            planned_at=self.now,
            epoch=self.subscriber.epoch,
            reference=secrets.token_hex(16),
            **_manners(self._step_of(enrollment, send.step)),
        )
        if send.due_at is None:
            assert send.reason
            _close(row, send.reason, send.detail, now=self.now)
        self.occurrences[enrollment.id, send.step] += 1
        self.session.add(row)
        return row

    def _step_of(self, enrollment: Enrollment, key: str) -> Step:
        return self.catalog.sequence(enrollment.campaign).step(key)

    def _reason_gone(self, row: Send) -> Reason:
        """Why the plan no longer speaks of an unsent row."""
        if row.step not in self.catalog.sequence(row.campaign):
            return Reason.STEP_REMOVED
        interview = self.enrollments[row.enrollment_id].interview
        has_moved = row.occasion != f"r{interview.revision}" and interview.moved_at is not None
        return Reason.MOVED if has_moved and row.needs_consent else Reason.CONDITION_FALSE


def _manners(step: Step) -> dict[str, Any]:
    """What a row keeps of its step's rules, for those who read rows and not timetables."""
    return {
        "waits_for_gap": step.waits_for_gap,
        "counts_for_gap": not step.is_notice,
        "needs_consent": not step.despite_unsubscribe,
        "on_unknown": step.on_unknown,
    }


def _close(row: Send, reason: Reason, detail: str = "", *, now: datetime) -> None:
    if row.resends:
        # Its first attempt may have left; only the second certainly did not.
        detail, reason = f"not sent once more: {reason}", Reason.UNKNOWN
    row.state, row.reason, row.detail, row.finished_at = final_state(reason), reason, detail, now
    row.lease_token = row.lease_until = row.ready_at = None
