"""A trial of an email's variants: since when it goes on, by which rule, and what was decided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaigns.sequence import Sequence as Timetable
from campaigns.sequence import Step
from campaigns.variants import DecideBy, Variant, assigned, fingerprint
from runup.database import Base


class Trial(Base):
    """The same variants by the same rule are the same trial, also after a rollback.

    `campaign` and `step` name the email; for an issue its list and its name, beside `issue_id`."""

    __tablename__ = "trial"
    __table_args__ = (UniqueConstraint("campaign", "step", "fingerprint"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    campaign: Mapped[str] = mapped_column(String(64))
    step: Mapped[str] = mapped_column(String(80))
    issue_id: Mapped[int | None] = mapped_column(ForeignKey("newsletter_issue.id"))
    fingerprint: Mapped[str] = mapped_column(String(16))
    variants: Mapped[str] = mapped_column(String(1000))
    """Their keys in order, with spaces between."""
    began_at: Mapped[datetime]
    judged_at: Mapped[datetime | None]
    """When the rule was met and looked at, once and for all; None until then."""
    looked_to: Mapped[datetime | None]
    """Whoever got it until then was looked at."""

    @property
    def keys(self) -> list[str]:
        return self.variants.split()


class TrialDecision(Base):
    """One decision, never changed: the newest of a trial counts."""

    __tablename__ = "trial_decision"
    __table_args__ = (Index("ix_trial_decision_trial", "trial_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    trial_id: Mapped[int] = mapped_column(ForeignKey("trial.id"))
    variant: Mapped[str] = mapped_column(String(40))
    """The winner; empty when no difference could be shown, and everybody goes on as before."""
    decided_at: Mapped[datetime]
    decided_by: Mapped[str] = mapped_column(String(100), default="")
    """Who, as they called themselves; empty: the rule."""
    rule: Mapped[str] = mapped_column(String(300))
    """The rule in words, as it stood."""
    counts: Mapped[str] = mapped_column(Text)
    """What it was decided by, as JSON: per variant people, delivered and answered, and the intervals."""


@dataclass(frozen=True)
class Standing:
    """How a trial stands: its number, and who won; "" while nobody has."""

    trial_id: int
    winner: str = ""


Standings = Mapping[str, Standing]
"""By step."""


def note_trials(session: Session, timetable: Timetable, *, now: datetime) -> None:
    """Write down the trials of a version that is applied, unless they go on from before."""
    for step in timetable.steps:
        if step.variants and step.decide:
            note_trial(session, timetable.key, step.key, step.variants, step.decide, now=now)


def note_trial(
    session: Session,
    campaign: str,
    step: str,
    variants: Sequence[Variant],
    rule: DecideBy,
    *,
    issue_id: int | None = None,
    now: datetime,
) -> Trial:
    """The trial of these variants by this rule; made when it is not there."""
    name = fingerprint(variants, rule)
    found = session.scalar(
        select(Trial).where(Trial.campaign == campaign, Trial.step == step, Trial.fingerprint == name)
    )
    if found is None:
        keys = " ".join(one.key for one in variants)
        found = Trial(
            campaign=campaign, step=step, issue_id=issue_id, fingerprint=name, variants=keys, began_at=now
        )
        session.add(found)
        session.flush()
    return found


def standings(session: Session, timetable: Timetable, steps: Iterable[str] = ()) -> dict[str, Standing]:
    """By step, how the trials of this version stand; of `steps` alone where they are named. Nothing is asked
    where there are no variants."""
    wanted = set(steps)
    tried = {
        step.key: fingerprint(step.variants, step.decide)
        for step in timetable.steps
        if step.variants and step.decide and (not wanted or step.key in wanted)
    }
    if not tried:
        return {}
    found = session.scalars(
        select(Trial).where(Trial.campaign == timetable.key, Trial.step.in_(tried)).order_by(Trial.id)
    )
    mine = [trial for trial in found if trial.fingerprint == tried[trial.step]]
    winners = winners_of(session, [trial.id for trial in mine])
    return {trial.step: Standing(trial.id, winners.get(trial.id, "")) for trial in mine}


def winners_of(session: Session, trials: Sequence[int]) -> dict[int, str]:
    """By trial, what its newest decision says."""
    if not trials:
        return {}
    found = session.execute(
        select(TrialDecision.trial_id, TrialDecision.variant)
        .where(TrialDecision.trial_id.in_(trials))
        .order_by(TrialDecision.id)
    )
    return {row.trial_id: row.variant for row in found}


def chosen(campaign: str, step: Step, subscriber_id: int, standing: Standing | None = None) -> Variant | None:
    """The variant this person gets of a step: the winner, or the one that is theirs. None: there are none."""
    if not step.variants:
        return None
    winner = standing.winner if standing else ""
    of_all = {one.key: one for one in step.variants}
    return of_all.get(winner) or assigned(step.variants, f"{campaign}/{step.key}", subscriber_id)
