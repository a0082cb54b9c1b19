"""How long after its moment an email left, step by step: counted in the database, in bounded memory."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, case, func, literal_column, select
from sqlalchemy.orm import Session

from runup.reports.moments import greatest, is_sqlite, least, milliseconds
from runup.reports.names import OF_SEND, Key, Names
from scheduler import Send
from scheduler.send import ARRIVED, is_in

LONGEST_CALL = 20_000
"""Milliseconds. An answer that took longer was lost, and what told us later says nothing about the email."""
_SECOND, _MINUTE, _HOUR, _DAY = 1_000, 60_000, 3_600_000, 86_400_000
_STEPS = ((_MINUTE, 100), (_HOUR, _SECOND), (_DAY, _MINUTE))
"""Below the first, counted by the second: a tenth of a second up to a minute, and so on; by hours at last."""


@dataclass(frozen=True, kw_only=True)
class Lateness:
    """Seconds from the moment an email was due until the provider accepted it; None where none left.

    The percentiles are nearest ranks: to a tenth of a second below a minute, to the second below an hour, to
    the minute below a day, else to the hour, always rounded down. `worst` is to the millisecond.
    """

    emails: int = 0
    median: float | None = None
    p95: float | None = None
    p99: float | None = None
    worst: float | None = None


class Delays:
    """How many emails were late by how much. Two of them add up."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._worst = 0

    def add(self, delay: int, emails: int, *, worst: int) -> None:
        """`delay` and `worst` in milliseconds."""
        self._counts[delay] += emails
        self._worst = max(self._worst, worst)

    def join(self, other: Delays) -> None:
        self._counts += other._counts
        self._worst = max(self._worst, other._worst)

    def summary(self) -> Lateness:
        emails = self._counts.total()
        if not emails:
            return Lateness()
        median, p95, p99 = self._ranks(*(math.ceil(emails * share / 100) for share in (50, 95, 99)))
        return Lateness(emails=emails, median=median, p95=p95, p99=p99, worst=self._worst / 1000)

    def _ranks(self, *wanted: int) -> list[float]:
        found: list[float] = []
        passed = 0
        for delay, emails in sorted(self._counts.items()):
            passed += emails
            while len(found) < len(wanted) and passed >= wanted[len(found)]:
                found.append(delay / 1000)
        return found


def delays(session: Session, names: Names, *conditions: ColumnElement[bool]) -> Mapping[Key, Delays]:
    """Of the sends for which the conditions hold and which left."""
    call = milliseconds(session, Send.left_at, Send.finished_at)
    answered = least(session, greatest(session, call, 0), LONGEST_CALL)
    late = greatest(session, milliseconds(session, Send.due_at, Send.left_at) + answered, 0)
    left = select(*OF_SEND, late.label("late")).where(
        is_in(*ARRIVED), Send.due_at.is_not(None), Send.left_at.is_not(None), *conditions
    )
    if is_sqlite(session):
        # Or SQLite computes it anew wherever it is named below.
        left = left.limit(-1)
    of = left.subquery().c
    by = (of.campaign, of.step, of.issue_id, _rounded(of.late))
    counted = select(*by, func.count(), func.max(of.late)).group_by(*by)
    found: dict[Key, Delays] = {}
    for campaign, step, issue, delay, emails, worst in session.execute(
        counted.execution_options(yield_per=1000)
    ):
        found.setdefault(names.key(campaign, step, issue), Delays()).add(delay, emails, worst=worst)
    return found


def _rounded(late: ColumnElement[int]) -> ColumnElement[int]:
    """Written out, not as parameters: PostgreSQL must see that grouped and selected are the same."""

    def by(size: int) -> ColumnElement[int]:
        return late - late % literal_column(str(size))

    return case(*((late < literal_column(str(below)), by(size)) for below, size in _STEPS), else_=by(_HOUR))
