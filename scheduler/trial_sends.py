"""Which variant left to whom, written with the intent, and whether they did what its trial asks for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from collections.abc import Sequence as Many
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Row, String, delete, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaigns.catalog import Catalog
from campaigns.sequence import Step
from campaigns.trial import Standing, chosen, standings
from campaigns.variants import wording
from runup.database import Base
from scheduler.draft import Draft, Taken


class TrialSend(Base):
    """One send of an email that has variants. Sends of other emails have no such row."""

    __tablename__ = "trial_send"
    __table_args__ = (Index("ix_trial_send_trial", "trial_id", "send_id"),)

    send_id: Mapped[int] = mapped_column(ForeignKey("send.id", ondelete="CASCADE"), primary_key=True)
    trial_id: Mapped[int] = mapped_column(ForeignKey("trial.id"))
    variant: Mapped[str] = mapped_column(String(40))
    is_split: Mapped[bool]
    """By chance, and so counted; not because it had won."""
    answered_at: Mapped[datetime | None]
    """When its reader did, in time, what the trial asks for."""


def record_variants(session: Session, drafts: Collection[Draft]) -> None:
    """In the transaction of the intent: what was rendered is what is written down. An attempt that certainly
    did not leave is written over by the next one."""
    trials = [draft for draft in drafts if draft.taken is not None]
    if not trials:
        return
    session.execute(
        delete(TrialSend)
        .where(TrialSend.send_id.in_([draft.send_id for draft in trials]))
        .execution_options(synchronize_session=False)
    )
    session.execute(
        insert(TrialSend.__table__),  # type: ignore[arg-type]  # a mapped class's table is a Table
        [
            {"send_id": draft.send_id, "trial_id": draft.taken.trial_id, "variant": draft.taken.variant,
             "is_split": draft.taken.is_split, "answered_at": None}
            for draft in trials
            if draft.taken
        ],
    )  # fmt: skip


def take(session: Session, catalog: Catalog, rows: Many[Row[Any]]) -> dict[int, tuple[str, Taken | None]]:
    """By the id of a send, what its words are kept under and what is to be written down; only of steps that
    have variants, and nothing is asked where there are none. What may have left goes once more as it was.

    `rows` have `id`, `campaign`, `step`, `subscriber_id` and `left_at` of sends.
    """
    steps: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if catalog.sequence(row.campaign).step(row.step).variants:
            steps[row.campaign].add(row.step)
    if not steps:
        return {}
    known = {key: standings(session, catalog.sequence(key), of) for key, of in steps.items()}
    mine = [row for row in rows if row.step in steps.get(row.campaign, ())]
    before = taken_before(session, [row.id for row in mine if row.left_at is not None])
    return {
        row.id: _take(
            catalog.sequence(row.campaign).step(row.step),
            row,
            known[row.campaign].get(row.step),
            before.get(row.id),
        )
        for row in mine
    }


def taken_before(session: Session, sends: Collection[int]) -> dict[int, Taken]:
    """What was written down of these."""
    if not sends:
        return {}
    found = select(TrialSend.send_id, TrialSend.trial_id, TrialSend.variant, TrialSend.is_split)
    rows = session.execute(found.where(TrialSend.send_id.in_(sends)))
    return {row.send_id: Taken(row.trial_id, row.variant, row.is_split) for row in rows}


def _take(
    step: Step, row: Row[Any], standing: Standing | None, before: Taken | None
) -> tuple[str, Taken | None]:
    same = next((one for one in step.variants if before and one.key == before.variant), None)
    if same:
        return wording(step.key, same), before
    variant = chosen(row.campaign, step, row.subscriber_id, standing)
    if variant is None or standing is None:
        return wording(step.key, variant), None
    return wording(step.key, variant), Taken(standing.trial_id, variant.key, not standing.winner)
