"""Words a provider refuses: after three identical refusals of one step its campaign is paused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from campaigns.enrollment import Campaign, CampaignPause, CampaignState, pause
from campaigns.newsletter import IssueState, NewsletterIssue
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
    An issue pauses alone, and the newsletter's campaign goes on.

    Counted are the answers of a day to the present version, over all workers, since it was last resumed.
    """
    of_refused = Send.id.in_([answer.send_id for answer in refused])
    rows = session.execute(select(Send.id, Send.campaign, Send.step, Send.issue_id).where(of_refused)).all()
    for issue_id in sorted({row.issue_id for row in rows if row.issue_id}):
        _pause_issue(session, issue_id, now=now)
    steps = {row.id: (row.campaign, row.step) for row in rows if row.issue_id is None}
    refused = [answer for answer in refused if answer.send_id in steps]
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


def _pause_issue(session: Session, issue_id: int, *, now: datetime) -> None:
    issue = session.get_one(NewsletterIssue, issue_id, with_for_update=True, populate_existing=True)
    if issue.state != IssueState.SENDING or issue.paused_at is not None:
        return
    alike = (
        select(Attempt.error, func.count())
        .join(Send, Send.id == Attempt.send_id)
        .where(Send.issue_id == issue_id, Attempt.status.in_(STATUSES))
        .where(Attempt.kind == bindparam(None, Rejected.kind, literal_execute=True))
        .where(Attempt.finished_at >= (issue.resumed_at or now - WITHIN))
        .group_by(Attempt.error)
        .having(func.count() >= MOST)
    )
    if found := session.execute(alike).first():
        issue.paused_at = now
        issue.why_paused = f"the provider refused {found[1]} emails of it alike: {found[0]}"[:300]
        log.error("issue_paused", issue=issue_id, why=issue.why_paused)


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
