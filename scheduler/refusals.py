"""Words a provider refuses: after three identical refusals of one step its campaign is paused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from campaigns.enrollment import Campaign, CampaignPause, CampaignState, pause
from delivery.provider import Rejected
from scheduler.outcomes import Answer
from scheduler.send import Attempt, Send

log = structlog.get_logger(__name__)

STATUSES = (400, 413, 415)
"""The provider could not read what we wrote; other refusals (SMTP's 550) are about whom we wrote to."""
MOST = 3
WITHIN = timedelta(hours=24)
"""What is refused once a month is not the template."""


def of_the_words(answers: Sequence[Answer]) -> list[Answer]:
    """Those that were refused for what the email is, not for its reader."""
    return [
        answer
        for answer in answers
        if answer.outcome.kind == Rejected.kind
        and answer.outcome.status in STATUSES
        and not answer.outcome.blames_recipient
    ]


def pause_refused(session: Session, refused: Sequence[Answer], *, now: datetime) -> list[str]:
    """Pause each campaign of which one step was refused MOST times with the same words; returns their keys.

    Counted are the answers of a day to the present version, over all workers, since it was last resumed.
    """
    steps = {
        row.id: (row.campaign, row.step)
        for row in session.execute(
            select(Send.id, Send.campaign, Send.step).where(Send.id.in_([a.send_id for a in refused]))
        )
    }
    cases = sorted({(*steps[answer.send_id], answer.outcome.error[:300]) for answer in refused})
    return [key for key, step, error in cases if _pause(session, key, step, error, now=now)]


def _pause(session: Session, key: str, step: str, error: str, *, now: datetime) -> bool:
    # Locked, so that of two workers with the second and the third refusal one sees both.
    campaign = session.scalar(select(Campaign).where(Campaign.key == key).with_for_update())
    if campaign is None or campaign.state != CampaignState.RUNNING:
        return False
    count = _count(session, campaign, step, error, since=_since(session, campaign, now=now))
    if count < MOST:
        return False
    why = f"the provider refused {count} emails of step {step} alike: {error}"[:300]
    log.error("campaign_paused", campaign=key, step=step, why=why)
    return pause(session, campaign, now=now, why=why)


def _count(session: Session, campaign: Campaign, step: str, error: str, *, since: datetime) -> int:
    found = (
        select(func.count())
        .select_from(Attempt)
        .join(Send, Send.id == Attempt.send_id)
        # Written out: neither database uses a partial index for a value that comes as a parameter.
        .where(Attempt.kind == bindparam(None, Rejected.kind, literal_execute=True))
        .where(Attempt.finished_at >= since, Attempt.status.in_(STATUSES), Attempt.error == error)
        .where(Send.campaign == campaign.key, Send.step == step)
    )
    return session.scalar(found) or 0


def _since(session: Session, campaign: Campaign, *, now: datetime) -> datetime:
    resumed = session.scalar(
        select(func.max(CampaignPause.ended_at)).where(CampaignPause.campaign == campaign.key)
    )
    return max(moment for moment in (now - WITHIN, campaign.version_at, resumed) if moment is not None)
