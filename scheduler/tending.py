"""What a worker does for issues besides sending: begin them, make their sends, withdraw, end, finish."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import exists, func, or_, select, update
from sqlalchemy.orm import Session

from campaigns.audience import AudienceError
from campaigns.newsletter import IssueState, NewsletterIssue
from runup.database import Database
from scheduler.issue_rows import end_expired, withdraw_canceled
from scheduler.issue_sends import PAGE, expand
from scheduler.issue_trials import begin_trial, judge_issues
from scheduler.issues import begins_at
from scheduler.send import OPEN, UNSENT, Send, is_in
from scheduler.transaction import transact

log = structlog.get_logger(__name__)

AT_A_TIME = 1.0
"""Seconds of this before a worker looks after sending again."""


@dataclass(kw_only=True)
class Tender:
    """Any number of workers may tend at once: each step locks what it changes and can be done twice."""

    database: Database
    clock: Callable[[], datetime]
    stopwatch: Callable[[], float]
    stopping: Callable[[], bool]
    progress: Callable[[], None] = lambda: None
    page: int = PAGE

    def tend(self) -> bool:
        """Returns whether there is more to do at once."""
        with self.database.read() as session:
            if not _is_anything_to_do(session):
                return False
            due = [issue.id for issue in _of_state(session, IssueState.SCHEDULED) if self._is_due(issue)]
        for issue_id in due:
            self._begin(issue_id)
        judge_issues(self.database, now=self.clock())
        if self._in_pages(lambda: self._each(end_expired)):
            return True
        if self._in_pages(lambda: self._each(withdraw_canceled)):
            return True
        with self.database.read() as session:
            growing = [issue.id for issue in _of_state(session, IssueState.SENDING) if _grows(issue)]
        if any(self._in_pages(lambda: self._expand(issue_id)) for issue_id in growing):  # noqa: B023
            return True
        transact(self.database, lambda session: finish(session, now=self.clock()))
        return False

    def _is_due(self, issue: NewsletterIssue) -> bool:
        begins = begins_at(issue)
        return issue.paused_at is None and begins is not None and begins <= self.clock()

    def _begin(self, issue_id: int) -> None:
        now = self.clock()
        transact(self.database, lambda session: begin(session, issue_id, now=now))

    def _each(self, end: Callable[..., int]) -> bool:
        return transact(self.database, lambda session: end(session, now=self.clock())) > 0

    def _expand(self, issue_id: int) -> bool:
        def act(session: Session) -> int:
            return expand(session, issue_id, now=self.clock(), most=self.page)

        try:
            return transact(self.database, act) == self.page
        except AudienceError as error:
            log.error("issue_audience_cannot_be_read", issue=issue_id, error=str(error))
            return False

    def _in_pages(self, page: Callable[[], bool]) -> bool:
        """Page after page for a while; returns whether there are more."""
        began = self.stopwatch()
        while not self.stopping() and page():
            self.progress()
            if self.stopwatch() - began > AT_A_TIME:
                return True
        return False


def begin(session: Session, issue_id: int, *, now: datetime) -> None:
    """A scheduled issue whose moment has come: from now on its sends are made and leave."""
    begun = session.execute(
        update(NewsletterIssue)
        .where(NewsletterIssue.id == issue_id, NewsletterIssue.state == IssueState.SCHEDULED)
        .where(NewsletterIssue.paused_at.is_(None))
        .values(state=IssueState.SENDING, started_at=now)
        .returning(NewsletterIssue.id)
    ).scalar()
    if begun is not None:
        begin_trial(session, session.get_one(NewsletterIssue, begun, populate_existing=True), now=now)


def finish(session: Session, *, now: datetime) -> None:
    """Issues of which everything has ended are sent: from now on everybody may read those that are public."""
    is_open = exists(select(Send.id).where(Send.issue_id == NewsletterIssue.id, is_in(*OPEN)))
    done = select(NewsletterIssue.id).where(
        NewsletterIssue.state == IssueState.SENDING, NewsletterIssue.expanded_at.is_not(None), ~is_open
    )
    for issue_id in session.scalars(done.with_for_update(skip_locked=True)).all():
        session.execute(
            update(NewsletterIssue)
            .where(NewsletterIssue.id == issue_id, NewsletterIssue.state == IssueState.SENDING)
            .values(
                state=IssueState.SENT, sent_at=func.coalesce(NewsletterIssue.sent_at, now), paused_at=None
            )
        )


def next_beginning(session: Session, *, now: datetime) -> datetime | None:
    """When the next issue begins, or `now` while sends of one are still to be made; None when neither."""
    if any(_grows(issue) for issue in _of_state(session, IssueState.SENDING)):
        return now
    moments = [begins_at(issue) for issue in _of_state(session, IssueState.SCHEDULED) if not issue.paused_at]
    return min((moment for moment in moments if moment is not None), default=None)


def _grows(issue: NewsletterIssue) -> bool:
    return issue.expanded_at is None and issue.paused_at is None


def _of_state(session: Session, state: IssueState) -> Iterable[NewsletterIssue]:
    return session.scalars(
        select(NewsletterIssue).where(NewsletterIssue.state == state).order_by(NewsletterIssue.id)
    ).all()


def _is_anything_to_do(session: Session) -> bool:
    return session.scalar(_ANYTHING_TO_DO) is not None


# Asked at every tick, and built once: to build it takes longer than to answer it.
_ANYTHING_TO_DO = (
    select(NewsletterIssue.id)
    .where(
        or_(
            NewsletterIssue.state.in_((IssueState.SCHEDULED, IssueState.SENDING)),
            NewsletterIssue.canceled_at.is_not(None)
            & exists(select(Send.id).where(Send.issue_id == NewsletterIssue.id, is_in(*UNSENT))),
        )
    )
    .limit(1)
)
