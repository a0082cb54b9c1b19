"""Emails that people opened or clicked in, where that is turned on. What a machine did is not counted."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from runup.reports.counting import within
from runup.reports.names import OF_SEND, Key, Names
from runup.reports.period import Period
from scheduler import Send
from scheduler.reaction import Reaction, ReactionKind


def read_by_people(session: Session, names: Names, period: Period, kind: ReactionKind) -> dict[Key, int]:
    """By campaign and step: how many emails of the period a person opened or clicked in, however often."""
    found = (
        select(*OF_SEND, func.count(Reaction.send_id.distinct()))
        .join(Reaction, Reaction.send_id == Send.id)
        .where(Reaction.kind == kind, Reaction.machine == "", *within(period))
        .group_by(*OF_SEND)
    )
    return {
        names.key(campaign, step, issue): emails for campaign, step, issue, emails in session.execute(found)
    }
