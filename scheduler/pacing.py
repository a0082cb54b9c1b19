"""How fast one issue may leave: so many an hour, and few on the first days of a new sender."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from campaigns.newsletter import NewsletterIssue
from scheduler.claiming import Due
from scheduler.send import Send, State, is_in

_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)
MOST_DAYS = 30
"""Of a warm-up."""


@dataclass(frozen=True)
class Pace:
    """`per_hour`: at most so many in any hour, evenly (None: as fast as everything else). `warm_up`: at most
    so many on its first, second … day of sending, each of 24 hours; afterwards all the rest."""

    per_hour: int | None = None
    warm_up: tuple[int, ...] = ()

    @classmethod
    def of(cls, issue: NewsletterIssue) -> Pace:
        return cls(issue.per_hour, tuple(map(int, issue.warm_up.split())))

    @property
    def is_free(self) -> bool:
        return self.per_hour is None and not self.warm_up

    @property
    def window(self) -> tuple[int, timedelta]:
        """At most so many within each span of that length: the rate, in small steps."""
        assert self.per_hour
        most = max(self.per_hour // 60, 1)
        return most, _HOUR * most / self.per_hour

    def lasts(self, count: int) -> timedelta:
        """How long so many take at the least."""
        left, day = count, 0
        while day < len(self.warm_up) and left > self._a_day(self.warm_up[day]):
            left -= self._a_day(self.warm_up[day])
            day += 1
        return day * _DAY + (_HOUR * left / self.per_hour if self.per_hour else timedelta())

    def _a_day(self, most: int) -> int:
        return min(most, self.per_hour * 24) if self.per_hour else most

    def room(self, session: Session, issue: NewsletterIssue, *, wanted: int, now: datetime) -> int:
        """How many of `wanted` may be claimed now. Call it with the issue's row locked: what others hold in
        their hands counts as gone."""
        if self.is_free:
            return wanted
        held = session.scalar(select(func.count()).where(Send.issue_id == issue.id, is_in(State.CLAIMED)))
        free = wanted
        for most, since in self._spans(issue, now):
            gone = session.scalar(select(func.count()).where(Send.issue_id == issue.id, Send.left_at > since))
            free = min(free, most - (gone or 0) - (held or 0))
        return max(free, 0)

    def _spans(self, issue: NewsletterIssue, now: datetime) -> Iterable[tuple[int, datetime]]:
        if self.per_hour:
            most, span = self.window
            yield most, now - span
        began = issue.started_at or now
        day = (now - began) // _DAY
        if 0 <= day < len(self.warm_up):
            # A microsecond earlier: what left in the very moment it began is of the first day.
            yield self.warm_up[day], began + day * _DAY - timedelta.resolution


def keep_pace(session: Session, dues: Sequence[Due], *, now: datetime) -> tuple[list[Due], set[int]]:
    """Those of `dues` that the limits of their issues let go now, in their order, and the issues that have
    reached one. The rows of issues with limits stay locked until the transaction ends."""
    issues = {due.issue_id for due in dues if due.issue_id}
    if not issues:
        return list(dues), set()
    limited = session.scalars(
        select(NewsletterIssue)
        .where(NewsletterIssue.id.in_(issues))
        .where(or_(NewsletterIssue.per_hour.is_not(None), NewsletterIssue.warm_up != ""))
        .order_by(NewsletterIssue.id)
        .with_for_update()
    ).all()
    room = {}
    for issue in limited:
        wanted = sum(due.issue_id == issue.id for due in dues)
        room[issue.id] = Pace.of(issue).room(session, issue, wanted=wanted, now=now)
    free, full = list[Due](), set[int]()
    for due in dues:
        if due.issue_id not in room:
            free.append(due)
        elif room[due.issue_id]:
            room[due.issue_id] -= 1
            free.append(due)
        else:
            full.add(due.issue_id)
    return free, full


def problem(pace: Pace) -> str:
    """What is wrong with these limits, in words; empty when nothing is."""
    if pace.per_hour is not None and pace.per_hour < 1:
        return "per hour at least 1 must be allowed to leave"
    if len(pace.warm_up) > MOST_DAYS:
        return f"a warm-up has at most {MOST_DAYS} days"
    if any(day < 1 for day in pace.warm_up) or list(pace.warm_up) != sorted(pace.warm_up):
        return "a warm-up begins with at least 1 and grows from day to day, such as 500 1000 2000"
    return ""
