from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from runup.database import Base
from subscribers.interview import Interview
from subscribers.subscriber import Subscriber


class CampaignState(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    ARCHIVED = "archived"


class Campaign(Base):
    """A campaign as this database knows it. Its words and timetable are those of the version applied last."""

    __tablename__ = "campaign"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    state: Mapped[str] = mapped_column(String(16), default=CampaignState.RUNNING)
    version: Mapped[str] = mapped_column(String(64), default="")
    """What names the files of the version applied last."""
    number: Mapped[int] = mapped_column(default=0, server_default="0")
    """The number of that version; 0 until the campaign has been seen."""
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
        Index("ix_enrollment_version", "campaign", "planned_number", "subscriber_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id"))
    interview_id: Mapped[int] = mapped_column(ForeignKey("interview.id"))
    campaign: Mapped[str] = mapped_column(ForeignKey("campaign.key"))
    enrolled_at: Mapped[datetime]
    planned_number: Mapped[int] = mapped_column(default=1, server_default="1")
    """The version its sends were planned by. Nothing leaves while it is not the campaign's."""

    subscriber: Mapped[Subscriber] = relationship()
    interview: Mapped[Interview] = relationship()


def pause(session: Session, campaign: Campaign, *, now: datetime, why: str = "") -> bool:
    """Nothing of it leaves until `resume`. Returns whether it was running. `why`, when no operator did it."""
    if campaign.state != CampaignState.RUNNING:
        return False
    campaign.state = CampaignState.PAUSED
    session.add(CampaignPause(campaign=campaign.key, began_at=now, why=why[:300]))
    return True


def archive(session: Session, campaign: Campaign, *, now: datetime, why: str) -> bool:
    """Nothing of it leaves and nobody is enrolled any more. Returns whether it was not archived already.

    What waits stays where it is and ends with its moment, as in a pause; `resume` takes it all back.
    """
    if campaign.state == CampaignState.ARCHIVED:
        return False
    _end_pauses(session, campaign, now=now)
    campaign.state = CampaignState.ARCHIVED
    session.add(CampaignPause(campaign=campaign.key, began_at=now, why=why[:300]))
    return True


def resume(session: Session, campaign: Campaign, *, now: datetime) -> bool:
    """It may send again, and enroll. Returns whether it had stopped.

    What became overdue meanwhile does not burst: the planner knows of the pause.
    """
    if campaign.state == CampaignState.RUNNING:
        return False
    if campaign.state == CampaignState.ARCHIVED:
        _plan_those_left_out(session, campaign.key)
    campaign.state = CampaignState.RUNNING
    _end_pauses(session, campaign, now=now)
    return True


def _end_pauses(session: Session, campaign: Campaign, *, now: datetime) -> None:
    session.execute(
        update(CampaignPause)
        .where(CampaignPause.campaign == campaign.key, CampaignPause.ended_at.is_(None))
        .values(ended_at=now)
    )


def _plan_those_left_out(session: Session, key: str) -> None:
    """Whoever told an interview while it was archived is enrolled when they are planned the next time."""
    enrolled = select(Enrollment.interview_id).where(Enrollment.campaign == key)
    waiting = select(Interview.subscriber_id).where(Interview.campaign == key, Interview.id.not_in(enrolled))
    session.execute(
        update(Subscriber)
        .where(Subscriber.id.in_(waiting))
        .values(epoch=Subscriber.epoch + 1)
        .execution_options(synchronize_session=False)
    )
