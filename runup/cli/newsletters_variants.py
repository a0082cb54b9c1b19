"""`runup newsletters variants` and `runup newsletters decide`."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.newsletter import NewsletterIssue
from campaigns.trial import Trial
from campaigns.trial_table import IssueTrial, trial_of
from campaigns.variants import shares
from runup.application import Application
from runup.cli.campaigns_variants import COLUMNS, login, trial_rows, trial_words
from runup.cli.errors import BadInput
from runup.cli.issue_shelf import Issue, IssueShelf
from runup.cli.newsletters import the_row
from runup.cli.opening import opened
from runup.cli.terminal import agreed, print_json, say, show
from runup.reports.trials import TrialReport, plain_trial, trial_report, verdict
from runup.workspace import nearest
from scheduler.transaction import transact
from scheduler.trial_counts import note_answers
from scheduler.trials import TrialError
from scheduler.trials import decide as end_trial


def variants(issue: Issue, /, *, json: bool = False) -> None:
    """How the variants of an issue fare: people, clicks, honest intervals, and what is decided.

    Parameters
    ----------
    json
        Print JSON: as `campaigns variants`, of this one issue.
    """
    with opened() as application:
        row, found = _found(application, issue)
        transact(application.database, lambda session: _note(session, application, row, found))
        with application.database.read() as session:
            report = _report(session, row, found)
    if json:
        print_json(plain_trial(report))
        return
    show(trial_rows([report]), COLUMNS, as_json=False, empty="")
    say("", *trial_words(report))


def decide(issue: Issue, variant: str, /, *, by: str = "", yes: bool = False, json: bool = False) -> None:
    """Let one variant have everybody to whom the issue has not left yet.

    Parameters
    ----------
    variant
        Which variant wins.
    by
        Who decides; the name of your login if left out.
    yes
        Do not ask.
    json
        Print JSON: what `variants` prints of it.
    """
    with opened() as application:
        row, found = _found(application, issue)
        if not agreed(f"From now on everybody gets {variant} of {row.list_key}/{row.slug}?", yes=yes):
            raise BadInput("nothing was changed; say --yes where nobody can be asked")

        def act(session: Session) -> None:
            trial = _trial(session, row)
            end_trial(session, trial.id, found.rule, variant, by=by or login(), now=application.clock())

        try:
            transact(application.database, act)
        except TrialError as error:
            keys = [one.key for one in found.variants]
            raise BadInput(f"{error}{nearest(variant, keys) if variant not in keys else ''}") from None
        with application.database.read() as session:
            report = _report(session, row, found)
    print_json(plain_trial(report)) if json else say(verdict(report))


def _found(application: Application, issue: str) -> tuple[NewsletterIssue, IssueTrial]:
    """The row and its trial. Raises BadInput where it has no variants, or has not begun."""
    with application.database.read() as session:
        row = the_row(session, IssueShelf(application.settings), issue)
        found = trial_of(row.words)
        if found is None:
            raise BadInput(f"{row.list_key}/{row.slug} has no variants in what was approved")
        _trial(session, row)
        return row, found


def _trial(session: Session, row: NewsletterIssue) -> Trial:
    newest = select(Trial).where(Trial.issue_id == row.id).order_by(Trial.id.desc())
    trial = session.scalars(newest).first()
    if trial is None:
        raise BadInput(f"{row.list_key}/{row.slug} has not begun to leave; it is {row.state}")
    return trial


def _note(session: Session, application: Application, row: NewsletterIssue, found: IssueTrial) -> None:
    trial = _trial(session, row)
    if trial.judged_at is None:
        until = trial.began_at + found.rule.within
        note_answers(session, trial, found.rule, until=until, now=application.clock())


def _report(session: Session, row: NewsletterIssue, found: IssueTrial) -> TrialReport:
    return trial_report(session, _trial(session, row), found.rule, shares(found.variants))
