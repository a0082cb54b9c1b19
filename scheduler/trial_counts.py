"""Trials counted in people: who got which variant first, and whether they did what is asked for, in time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, Subquery, func, select, update
from sqlalchemy.orm import Session

from campaigns.enrollment import Enrollment
from campaigns.trial import Trial
from campaigns.variants import ANY, DecideBy, Goal
from scheduler.comparing import Count
from scheduler.reaction import Reaction, ReactionKind
from scheduler.reading import WITHIN
from scheduler.send import ARRIVED, Send, State, is_in
from scheduler.trial_sends import TrialSend
from subscribers.interview import Interview

SETTLED = WITHIN + timedelta(seconds=50)
"""After so long a click stays what it was put down to: a person's, or a machine's."""


def note_answers(
    session: Session, trial: Trial, rule: DecideBy, *, until: datetime | None = None, now: datetime
) -> int:
    """Write down who has done it in time since this was last asked; returns how many. `until`: and no later.

    Clicks and outcomes are forgotten sooner than some trials end; this is what stays of them, and it names
    nothing."""
    asked = _clicks(trial, now) if rule.by is Goal.CLICKS else _outcomes(trial, rule)
    found = [row for row in session.execute(asked) if _is_in_time(row, rule, until)]
    if found:
        session.execute(update(TrialSend), [{"send_id": row.id, "answered_at": row.at} for row in found])
    return len(found)


def _is_in_time(row: Row[Any], rule: DecideBy, until: datetime | None) -> bool:
    last = row.left_at + rule.within
    return bool(row.left_at < row.at <= (min(last, until) if until else last))


def counted(
    session: Session, trial: Trial, *, keys: Iterable[str] = (), until: datetime | None = None
) -> list[Count]:
    """Per variant, in their order: of everybody to whom it left, or left by `until`."""
    first = _first_of_each(trial)
    found = select(
        first.c.variant,
        func.count().label("people"),
        func.count().filter(first.c.state == State.DELIVERED).label("delivered"),
        func.count(first.c.answered_at).label("answered"),
    ).where(first.c.nth == 1)
    if until is not None:
        found = found.where(first.c.left_at <= until)
    rows = {row.variant: row for row in session.execute(found.group_by(first.c.variant))}
    return [_count(key, rows.get(key)) for key in keys or trial.keys]


def complete_at(session: Session, trial: Trial, rule: DecideBy) -> datetime | None:
    """When the stated sample was complete; everybody who had got it by then is in it. None while it is not.

    It follows from the rows alone, whoever asks and how often: looking early decides nothing.
    """
    first = _first_of_each(trial)
    moments: list[datetime | None] = []
    if rule.people:
        moments += [_nth(session, first, key, rule.people) for key in trial.keys]
    if rule.days:
        began = session.scalar(select(func.min(first.c.left_at)))
        moments.append(began + timedelta(days=rule.days) if began else None)
    known = [moment for moment in moments if moment is not None]
    return max(known) if known and len(known) == len(moments) else None


def _first_of_each(trial: Trial) -> Subquery:
    """What left by chance, numbered for each person: their first email counts, and no other."""
    nth = func.row_number().over(partition_by=Send.subscriber_id, order_by=(Send.left_at, Send.id))
    return (
        select(TrialSend.variant, TrialSend.answered_at, Send.left_at, Send.id, Send.state, nth.label("nth"))
        .join(Send, Send.id == TrialSend.send_id)
        .where(TrialSend.trial_id == trial.id, TrialSend.is_split, is_in(*ARRIVED))
        .subquery()
    )


def _nth(session: Session, first: Subquery, variant: str, number: int) -> datetime | None:
    found = select(first.c.left_at).where(first.c.nth == 1, first.c.variant == variant)
    return session.scalar(found.order_by(first.c.left_at, first.c.id).offset(number - 1).limit(1))


def _unanswered(trial: Trial, at: Any) -> Select[Any]:
    return (
        select(TrialSend.send_id.label("id"), Send.left_at, at.label("at"))
        .join(Send, Send.id == TrialSend.send_id)
        .where(TrialSend.trial_id == trial.id, TrialSend.is_split, TrialSend.answered_at.is_(None))
        .where(Send.left_at.is_not(None))
    )


def _clicks(trial: Trial, now: datetime) -> Select[Any]:
    return (
        _unanswered(trial, func.min(Reaction.at))
        .join(Reaction, Reaction.send_id == Send.id)
        .where(Reaction.kind == ReactionKind.CLICKED, Reaction.machine == "", Reaction.at <= now - SETTLED)
        .group_by(TrialSend.send_id, Send.left_at)
    )


def _outcomes(trial: Trial, rule: DecideBy) -> Select[Any]:
    told = (
        _unanswered(trial, Interview.outcome_at)
        .join(Enrollment, Enrollment.id == Send.enrollment_id)
        .join(Interview, Interview.id == Enrollment.interview_id)
        .where(Interview.outcome.is_not(None))
    )
    return told if rule.outcome == ANY else told.where(Interview.outcome == rule.outcome)


def _count(key: str, row: Row[Any] | None) -> Count:
    return Count(key, row.people, row.delivered, row.answered) if row else Count(key)


def missing(counts: Sequence[Count], rule: DecideBy) -> dict[str, int]:
    """By variant, how many people it still has to leave to."""
    return {one.variant: rule.people - one.people for one in counts if one.people < rule.people}
