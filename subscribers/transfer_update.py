"""A row about somebody we know: which interview it speaks of, and what it can add."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from subscribers.consent import Consent
from subscribers.interview import Interview, cancel, change_details, move, tell_decision_day, tell_outcome
from subscribers.subscriber import Subscriber
from subscribers.transfer_record import Record

_DETAILS = ("mode", "interviewers", "format", "company", "role", "country")


def find_same(session: Session, subscriber: Subscriber, record: Record) -> Interview | None:
    """The interview that a row speaks of, if it came before.

    Told by the moment of its sign-up, else by day and zone; and one that was moved since is found by the
    proof of its consent, so that an old file does not bring its old day back.
    """
    known = session.scalars(
        select(Interview)
        .where(Interview.subscriber_id == subscriber.id, Interview.campaign == record.campaign)
        .order_by(Interview.id)
    ).all()
    form = record.form
    assert form is not None, "only rows of an interview ask"
    same_day = [i for i in known if (i.held_on, i.zone) == (form.held_on, form.zone)]
    exact = [i for i in same_day if record.signed_up_at and i.requested_at == record.signed_up_at]
    # A canceled one stays as it is: a row for the same day is a new appointment, unless it says canceled too.
    alike = [i for i in same_day if _agree(i, record) and _may_be_same(i, record)]
    moved = [i for i in known if i.moved_at and record.consent_proof and _has_proof(session, i, record)]
    return next(iter([*exact, *alike, *moved]), None)


def fill_gaps(
    session: Session,
    subscriber: Subscriber,
    interview: Interview,
    record: Record,
    *,
    source: str,
    now: datetime,
) -> None:
    """Add what we were not told; what is known stays. Every change of facts touches the subscriber."""
    form = record.form
    assert form is not None, "only rows of an interview fill one in"
    if not subscriber.first_name and form.first_name:
        subscriber.first_name = form.first_name
        subscriber.touch()
    told = {name: getattr(form, name) for name in _DETAILS}
    open_ = {name: str(value) for name, value in told.items() if getattr(interview, name) in ("", "unknown")}
    change_details(session, interview, **open_)
    if interview.moved_at is None and interview.start_time is None and form.start_time is not None:
        move(
            session,
            interview,
            held_on=interview.held_on,
            start_time=form.start_time,
            zone=interview.zone,
            now=now,
        )
    if interview.decision_on is None and form.decision_on:
        tell_decision_day(session, interview, form.decision_on)
    if interview.outcome is None and record.outcome:
        tell_outcome(session, interview, record.outcome, now=record.outcome_at or now)
    if record.canceled_at and not interview.canceled_at:
        cancel(session, interview, now=record.canceled_at)
    if record.confirmed_at and interview.confirmed_at is None:
        interview.confirmed_at = record.confirmed_at
        subscriber.confirmed_at = subscriber.confirmed_at or record.confirmed_at
        agreed = record.consent_to(f"sequence:{interview.campaign}", source=source, now=now)
        session.add(Consent(subscriber_id=subscriber.id, interview_id=interview.id, **agreed))
        subscriber.touch()


def _agree(interview: Interview, record: Record) -> bool:
    start = record.form.start_time if record.form else None
    return start is None or interview.start_time is None or interview.start_time == start


def _may_be_same(interview: Interview, record: Record) -> bool:
    if interview.canceled_at is None:
        # A whole history is told in order: its canceled rows are told by the moment of their sign-up.
        return record.canceled_at is None or record.signed_up_at is None
    return record.canceled_at is not None and record.signed_up_at is None


def _has_proof(session: Session, interview: Interview, record: Record) -> bool:
    found = select(Consent.id).where(
        Consent.interview_id == interview.id,
        Consent.proof == record.consent_proof,
        Consent.agreed_at == record.consent_at,
    )
    return session.scalar(found.limit(1)) is not None
