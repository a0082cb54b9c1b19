"""Trials of an issue's variants: by whom it is decided, when, and who waits for that."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from campaigns.issue_file import STEP
from campaigns.newsletter import NewsletterIssue
from campaigns.trial import Standing, Trial, note_trial, winners_of
from campaigns.trial_table import IssueTrial, trial_of
from campaigns.variants import wording
from runup.database import Database
from scheduler.draft import Taken
from scheduler.transaction import transact
from scheduler.trial_counts import SETTLED, note_answers
from scheduler.trial_sends import taken_before
from scheduler.trials import conclude, locked

AFTERWARDS = timedelta(minutes=2)
"""The others' moment comes so long after the first part's time is over: it has been decided by then."""


def name_of(issue: NewsletterIssue) -> str:
    """What the split is fixed by."""
    return f"{issue.list_key}/{issue.slug}"


def begin_trial(session: Session, issue: NewsletterIssue, *, now: datetime) -> None:
    """With the first of its sends; nothing where the issue has no variants."""
    found = trial_of(issue.words)
    if found is not None:
        note_trial(
            session, issue.list_key, issue.slug, found.variants, found.rule, issue_id=issue.id, now=now
        )


def rest_waits_until(issue: NewsletterIssue) -> datetime | None:
    """The earliest moment of those who wait for the decision; None where nobody does."""
    found = trial_of(issue.words)
    if found is None or found.rule.first >= 100 or issue.started_at is None or issue.round:
        return None
    return issue.started_at + found.rule.within + AFTERWARDS


def judge_issues(database: Database, *, now: datetime) -> int:
    """Decide what is to be decided by now; returns how many that were. Harmless to repeat."""
    with database.read() as session:
        open_ones = select(Trial.id, NewsletterIssue).join(
            NewsletterIssue, NewsletterIssue.id == Trial.issue_id
        )
        found = [
            (trial_id, trial, issue.started_at + trial.rule.within)
            for trial_id, issue in session.execute(open_ones.where(Trial.judged_at.is_(None)))
            if issue.started_at and (trial := trial_of(issue.words))
        ]
    due = [(trial_id, trial, at) for trial_id, trial, at in found if at + SETTLED <= now]
    return sum(
        transact(database, lambda session: _judge(session, trial_id, trial, at, now=now))  # noqa: B023
        for trial_id, trial, at in due
    )


def _judge(session: Session, trial_id: int, found: IssueTrial, until: datetime, *, now: datetime) -> bool:
    trial = locked(session, trial_id)
    if trial.judged_at is not None:
        return False
    note_answers(session, trial, found.rule, until=until, now=now)
    conclude(session, trial, found.rule, until=until, now=now)
    return True


def take_issues(
    session: Session, issues: Mapping[int, NewsletterIssue], rows: Iterable[Row[Any]]
) -> dict[int, tuple[str, Taken | None]]:
    """By the id of a send, what its words are kept under and what is to be written down; only of issues that
    have variants. What may have left goes once more as it was."""
    trials = {number: found for number, issue in issues.items() if (found := trial_of(issue.words))}
    if not trials:
        return {}
    mine = [row for row in rows if row.issue_id in trials]
    standings = _standings(session, trials)
    before = taken_before(session, [row.id for row in mine if row.left_at is not None])
    return {
        row.id: _take(
            trials[row.issue_id],
            name_of(issues[row.issue_id]),
            row.subscriber_id,
            standings.get(row.issue_id),
            before.get(row.id),
        )
        for row in mine
    }


def _standings(session: Session, issues: Collection[int]) -> dict[int, Standing]:
    found = session.execute(
        select(Trial.issue_id, Trial.id).where(Trial.issue_id.in_(issues)).order_by(Trial.id)
    )
    of_issue = {row.issue_id: row.id for row in found}
    winners = winners_of(session, list(of_issue.values()))
    return {
        issue_id: Standing(trial_id, winners.get(trial_id, "")) for issue_id, trial_id in of_issue.items()
    }


def _take(
    trial: IssueTrial, name: str, subscriber_id: int, standing: Standing | None, before: Taken | None
) -> tuple[str, Taken | None]:
    of_all = {one.key: one for one in trial.variants}
    if before is not None and before.variant in of_all:
        return wording(STEP, of_all[before.variant]), before
    variant, is_split = trial.chosen(name, subscriber_id, standing.winner if standing else "")
    taken = Taken(standing.trial_id, variant.key, is_split) if standing else None
    return wording(STEP, variant), taken
