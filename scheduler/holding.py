"""A newsletter steps back for a person's own date: held while an email of their day is due within a day."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from scheduler.draft import Draft
from scheduler.send import UNSENT, Send, is_in

AHEAD = timedelta(hours=24)


def held_for_their_day(
    session: Session, drafts: Sequence[Draft], *, gaps: Mapping[str, timedelta], now: datetime
) -> dict[int, datetime]:
    """The issues among these sends whose reader has a day-bound email to come within AHEAD, each with the
    moment at which it may try again: the gap after that email.

    Day-bound is what waits for no gap and is no notice: the eve of the interview, its morning, the thanks.
    """
    issues = [draft for draft in drafts if draft.issue is not None]
    if not issues:
        return {}
    theirs = day_bound(session, {draft.subscriber_id for draft in issues}, now=now)
    return {
        draft.send_id: max(theirs[draft.subscriber_id], now) + gaps[draft.campaign]
        for draft in issues
        if draft.subscriber_id in theirs
    }


def day_bound(session: Session, readers: Collection[int], *, now: datetime) -> dict[int, datetime]:
    """Of these people those who have a day-bound email to come within AHEAD, with the last one's moment."""
    coming = session.execute(
        select(Send.subscriber_id, func.max(Send.due_at).label("due_at"))
        .where(Send.subscriber_id.in_(readers))
        .where(is_in(*UNSENT), Send.enrollment_id.is_not(None), Send.due_at <= now + AHEAD)
        .where(~Send.waits_for_gap, Send.counts_for_gap)
        .group_by(Send.subscriber_id)
    )
    return {row.subscriber_id: row.due_at for row in coming if row.due_at}
