from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from campaigns.sequence import Sequence
from runup.database import Base
from subscribers.interview import Interview
from subscribers.subscriber import Subscriber


class CampaignState(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    ARCHIVED = "archived"


class Campaign(Base):
    """A campaign as this database knows it. Its words and timetable live in files; `version` names them."""

    __tablename__ = "campaign"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    state: Mapped[str] = mapped_column(String(16), default=CampaignState.RUNNING)
    version: Mapped[str] = mapped_column(String(64), default="")
    version_at: Mapped[datetime | None]
    """Since when it is that version."""
    created_at: Mapped[datetime]


class CampaignStep(Base):
    """When a step became part of a campaign: what was due before that moment is not sent to anybody."""

    __tablename__ = "campaign_step"

    campaign: Mapped[str] = mapped_column(ForeignKey("campaign.key"), primary_key=True)
    step: Mapped[str] = mapped_column(String(40), primary_key=True)
    added_at: Mapped[datetime]


class CampaignPause(Base):
    """A time in which a campaign was not allowed to send."""

    __tablename__ = "campaign_pause"
    __table_args__ = (Index("ix_campaign_pause_campaign", "campaign"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    campaign: Mapped[str] = mapped_column(ForeignKey("campaign.key"))
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    why: Mapped[str] = mapped_column(String(300), default="")
    """Empty when an operator paused it; else what made the worker do so."""


class Enrollment(Base):
    """One interview's passage through one sequence."""

    __tablename__ = "enrollment"
    __table_args__ = (
        UniqueConstraint("interview_id", "campaign"),
        Index("ix_enrollment_subscriber", "subscriber_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id"))
    interview_id: Mapped[int] = mapped_column(ForeignKey("interview.id"))
    campaign: Mapped[str] = mapped_column(ForeignKey("campaign.key"))
    enrolled_at: Mapped[datetime]

    subscriber: Mapped[Subscriber] = relationship()
    interview: Mapped[Interview] = relationship()


def register(session: Session, sequence: Sequence, *, now: datetime) -> Campaign:
    """Write down that this campaign and its steps exist, once they are seen; harmless after that."""
    campaign = session.get(Campaign, sequence.key)
    is_new = campaign is None
    if campaign is None:
        campaign = Campaign(key=sequence.key, state=CampaignState.RUNNING, created_at=now)
        session.add(campaign)
        session.flush()
    if campaign.version != sequence.version or is_new:
        campaign.version, campaign.version_at = sequence.version, now
        if not is_new:
            _plan_everybody_again(session, sequence.key)
        known = set(session.scalars(select(CampaignStep.step).where(CampaignStep.campaign == sequence.key)))
        for step in sequence.steps:
            if step.key not in known:
                session.add(CampaignStep(campaign=sequence.key, step=step.key, added_at=now))
        session.flush()
    return campaign


def _plan_everybody_again(session: Session, key: str) -> None:
    """A changed timetable moves what is planned; until then nothing planned by the old one may leave."""
    enrolled = select(Enrollment.subscriber_id).where(Enrollment.campaign == key)
    session.execute(
        update(Subscriber)
        .where(Subscriber.id.in_(enrolled))
        .values(epoch=Subscriber.epoch + 1)
        .execution_options(synchronize_session=False)
    )


def pause(session: Session, campaign: Campaign, *, now: datetime, why: str = "") -> bool:
    """Nothing of it leaves until `resume`. Returns whether it was running. `why`, when no operator did it."""
    if campaign.state != CampaignState.RUNNING:
        return False
    campaign.state = CampaignState.PAUSED
    session.add(CampaignPause(campaign=campaign.key, began_at=now, why=why[:300]))
    return True


def resume(session: Session, campaign: Campaign, *, now: datetime) -> bool:
    """It may send again. What became overdue meanwhile does not burst: the planner knows of the pause."""
    if campaign.state != CampaignState.PAUSED:
        return False
    campaign.state = CampaignState.RUNNING
    for ended in session.scalars(
        select(CampaignPause).where(CampaignPause.campaign == campaign.key, CampaignPause.ended_at.is_(None))
    ):
        ended.ended_at = now
    return True
