"""Emails that people opened or clicked in, where that is turned on. What a machine did is not counted."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from runup.reports.counting import within
from runup.reports.lateness import Key
from runup.reports.period import Period
from scheduler import Send
from scheduler.reaction import Reaction, ReactionKind


def read_by_people(session: Session, period: Period, kind: ReactionKind) -> dict[Key, int]:
    """By campaign and step: how many emails of the period a person opened or clicked in, however often."""
    found = (
        select(Send.campaign, Send.step, func.count(Reaction.send_id.distinct()))
        .join(Reaction, Reaction.send_id == Send.id)
        .where(Reaction.kind == kind, Reaction.machine == "", *within(period))
        .group_by(Send.campaign, Send.step)
    )
    return {(campaign, step): emails for campaign, step, emails in session.execute(found)}
