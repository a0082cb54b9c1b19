"""Emails with variants, counted variant by variant: what left, and who did what the trial asks for."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from campaigns import Catalog
from runup.reports.counting import Fate
from runup.reports.names import OF_SEND, Key, Names
from runup.reports.trials import trial_reports, verdict
from scheduler import Send
from scheduler.trial_sends import TrialSend


@dataclass(kw_only=True)
class VariantCount:
    """One variant of one email, over all its trials in the period."""

    campaign: str
    step: str
    variant: str
    fate: Fate = field(default_factory=Fate)
    answered: int = 0
    """Emails whose reader clicked, or told the outcome, in time."""


def by_variant(session: Session, names: Names, *conditions: ColumnElement[bool]) -> list[VariantCount]:
    """In the order of their names; nothing where no email has variants."""
    by = (*OF_SEND, TrialSend.variant, Send.state, Send.reason)
    found = (
        select(*by, func.count().label("sends"), func.count(TrialSend.answered_at).label("answered"))
        .join(TrialSend, TrialSend.send_id == Send.id)
        .where(*conditions)
        .group_by(*by)
    )
    counts: dict[tuple[Key, str], VariantCount] = {}
    for row in session.execute(found):
        key = names.key(row.campaign, row.step, row.issue_id)
        made = counts.setdefault(
            (key, row.variant), VariantCount(campaign=key[0], step=key[1], variant=row.variant)
        )
        made.fate.add(row.state, row.reason, row.sends)
        made.answered += row.answered
    return [counts[key] for key in sorted(counts)]


def verdicts(session: Session, catalog: Catalog, campaign: str) -> list[str]:
    """How each trial of the versions in force stands, in a sentence, by its email."""
    return [f"{one.name}: {verdict(one)}" for one in trial_reports(session, catalog, campaign=campaign)]
