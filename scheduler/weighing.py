"""What another version of a campaign would do to the people on it, worked out before it does it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns.applied_catalog import Applied
from campaigns.enrollment import Enrollment
from campaigns.planning import Situation, plan
from campaigns.rewording import Rewording
from campaigns.sequence import Sequence
from campaigns.trial import Standings, chosen, standings
from campaigns.variants import wording
from runup.database import Database
from scheduler.impact import Effect, Impact, compare
from scheduler.situations import Campaigns, read_campaigns, read_situations

PAGE = 500


@dataclass(frozen=True)
class Proposal:
    """Two shelves that differ in one campaign: as it was applied, and as it would be."""

    key: str
    before: Applied
    after: Applied
    words: Rewording


def people_on(session: Session, key: str) -> int:
    """How many people are on a campaign."""
    found = select(func.count(Enrollment.subscriber_id.distinct())).where(Enrollment.campaign == key)
    return session.scalar(found) or 0


def weigh(
    database: Database,
    proposal: Proposal,
    *,
    now: datetime,
    advance: Callable[[int], None] = lambda _: None,
    told: Callable[[Effect], None] = lambda _: None,
) -> Impact:
    """Plan everybody on the campaign twice, by the old version and by the new one. Writes nothing.

    Page by page, so that memory does not grow with the town and no transaction is long; `advance` is told how
    many people were done, `told` each of them.
    """
    impact, after = Impact(), 0
    with database.read() as session:
        trials = _Trials.read(session, proposal)
    while True:
        with database.read() as session:
            ids = _page(session, proposal.key, after=after)
            situations = _read(session, ids, proposal, now=now) if ids else iter(())
            effects = [_effect(old, new, proposal, trials, now=now) for old, new in situations]
        for effect in effects:
            impact.add(effect)
            told(effect)
        advance(len(effects))
        if len(ids) < PAGE:
            return impact
        after = ids[-1]


def _page(session: Session, key: str, *, after: int) -> list[int]:
    return list(
        session.scalars(
            select(Enrollment.subscriber_id)
            .where(Enrollment.campaign == key, Enrollment.subscriber_id > after)
            .group_by(Enrollment.subscriber_id)
            .order_by(Enrollment.subscriber_id)
            .limit(PAGE)
        )
    )


def _read(
    session: Session, ids: list[int], proposal: Proposal, *, now: datetime
) -> Iterator[tuple[Situation, Situation]]:
    """Each person's situation, as it is and as it would be."""
    campaigns = read_campaigns(session)
    sequence = {proposal.key: proposal.after.sequence(proposal.key)}
    added = _added(campaigns, proposal, now=now)
    for situation in read_situations(session, ids, catalog=proposal.before, campaigns=campaigns):
        yield situation, replace(situation, sequences={**situation.sequences, **sequence}, added=added)


def _added(campaigns: Campaigns, proposal: Proposal, *, now: datetime) -> Mapping[tuple[str, str], datetime]:
    """Since when each step is there, had the version been applied at `now`."""
    old, key = proposal.before.sequence(proposal.key), proposal.key
    new = {(key, s.key): now for s in proposal.after.sequence(key).steps if s.key not in old}
    return {**campaigns.added, **new}


@dataclass(frozen=True)
class _Trials:
    """How the variants of either version stand."""

    before: Standings
    after: Standings

    @classmethod
    def read(cls, session: Session, proposal: Proposal) -> _Trials:
        key = proposal.key
        before = standings(session, proposal.before.sequence(key))
        return cls(before, standings(session, proposal.after.sequence(key)))


def _wording(sequence: Sequence, step: str, subscriber: int, trials: Standings) -> str:
    """What this person gets of the step, or of what takes its place."""
    if step not in sequence:
        return step
    return wording(step, chosen(sequence.key, sequence.step(step), subscriber, trials.get(step)))


def _effect(old: Situation, new: Situation, proposal: Proposal, trials: _Trials, *, now: datetime) -> Effect:
    person = old.person
    before, after = proposal.before.sequence(proposal.key), proposal.after.sequence(proposal.key)
    mine = {passage.id for passage in old.passages if passage.campaign == proposal.key}
    changes, passed = compare(
        plan(old, now=now),
        plan(new, now=now),
        is_reworded=lambda enrollment, step: (
            enrollment in mine
            and proposal.words.is_reworded(
                _wording(before, step, person.id, trials.before),
                _wording(after, step, person.id, trials.after),
                person.locale,
            )
        ),
        removed=[step.key for step in before.steps if step.key not in after],
        now=now,
    )
    return Effect(subscriber=person.id, zone=person.home_zone, changes=changes, passed=passed)
