"""A trial comes to its end: once, by the rule it began with, or by somebody's word."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.applied_catalog import applied
from campaigns.catalog import Catalog
from campaigns.errors import CampaignError
from campaigns.trial import Trial, TrialDecision, winners_of
from campaigns.variants import DecideBy, fingerprint
from runup.database import Database
from scheduler.comparing import Count, best, gaps
from scheduler.transaction import transact
from scheduler.trial_counts import SETTLED, complete_at, counted, note_answers

log = structlog.get_logger(__name__)


class TrialError(ValueError):
    """What was asked for is not possible as things stand; the message says why."""


def trials_in_force(session: Session, catalog: Catalog) -> Iterator[tuple[Trial, DecideBy]]:
    """Of the versions in force, in their timetables' order, with the rule of each."""
    shelf = applied(session, catalog)
    for key in shelf.keys():  # noqa: SIM118 - no mapping
        try:
            steps = [step for step in shelf.sequence(key).steps if step.decide]
        except CampaignError:
            continue  # nothing of it leaves, and others tell
        known = select(Trial).where(Trial.campaign == key, Trial.issue_id.is_(None))
        trials = {(one.step, one.fingerprint): one for one in session.scalars(known)} if steps else {}
        for step in steps:
            assert step.decide
            trial = trials.get((step.key, fingerprint(step.variants, step.decide)))
            if trial is not None:
                yield trial, step.decide


def judge_all(database: Database, catalog: Catalog, *, now: datetime) -> int:
    """Write down who has answered, and decide what is to be decided by now; returns how many that were. Each
    trial is a transaction of its own, and doing it twice does no harm."""
    with database.read() as session:
        open_ones = [
            (trial.id, rule) for trial, rule in trials_in_force(session, catalog) if not trial.judged_at
        ]
    return sum(
        transact(database, lambda session: judge(session, trial_id, rule, now=now))  # noqa: B023
        for trial_id, rule in open_ones
    )


def judge(session: Session, trial_id: int, rule: DecideBy, *, now: datetime) -> bool:
    """Look at the trial by its rule, if the time for that has come and nobody has; returns whether it was."""
    trial = locked(session, trial_id)
    if trial.judged_at is not None:
        return False
    note_answers(session, trial, rule, now=now)
    complete = complete_at(session, trial, rule)
    if complete is None or now < complete + rule.within + SETTLED:
        return False
    conclude(session, trial, rule, until=complete, now=now)
    return True


def conclude(
    session: Session, trial: Trial, rule: DecideBy, *, until: datetime | None, now: datetime
) -> TrialDecision:
    """The one look at the sample. A winner gets everybody who comes after, where the rule says so."""
    counts = counted(session, trial, until=until)
    better = best(counts)
    trial.judged_at, trial.looked_to = now, until
    made = _decided(
        session, trial, better if rule.is_automatic else "", counts, rule, better=better, by="", now=now
    )
    log.info("trial_judged", campaign=trial.campaign, step=trial.step, winner=better or "none")
    return made


def decide(
    session: Session, trial_id: int, rule: DecideBy, variant: str, *, by: str, now: datetime
) -> TrialDecision:
    """Somebody's word: this variant gets everybody who comes after, and the rule is not asked any more."""
    trial = locked(session, trial_id)
    if variant not in trial.keys:
        raise TrialError(f"there is no variant {variant!r}; there is: {', '.join(trial.keys)}")
    if winners_of(session, [trial.id]).get(trial.id) == variant:
        raise TrialError(f"{variant!r} has won already; nothing was changed")
    if trial.judged_at is None:
        note_answers(session, trial, rule, now=now)
        trial.judged_at = now
    counts = counted(session, trial)
    return _decided(session, trial, variant, counts, rule, better=best(counts), by=by or "somebody", now=now)


def decisions(session: Session, trial_id: int) -> Sequence[TrialDecision]:
    """All of a trial, the newest last."""
    found = select(TrialDecision).where(TrialDecision.trial_id == trial_id).order_by(TrialDecision.id)
    return session.scalars(found).all()


def _decided(
    session: Session,
    trial: Trial,
    variant: str,
    counts: Sequence[Count],
    rule: DecideBy,
    *,
    better: str,
    by: str,
    now: datetime,
) -> TrialDecision:
    seen = {
        "better": better,
        "variants": [asdict(one) for one in counts],
        "gaps": [asdict(one) for one in gaps(counts)],
    }
    made = TrialDecision(
        trial_id=trial.id, variant=variant, decided_at=now, decided_by=by[:100], rule=rule.words,
        counts=json.dumps(seen),
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


def locked(session: Session, trial_id: int) -> Trial:
    """So that it is judged or decided by one at a time."""
    return session.scalars(
        select(Trial).where(Trial.id == trial_id).with_for_update().execution_options(populate_existing=True)
    ).one()
