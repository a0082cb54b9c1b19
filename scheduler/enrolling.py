"""Interviews into their campaigns: each is enrolled once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import BindParameter, bindparam, insert, select
from sqlalchemy.orm import Session, contains_eager

from campaigns.catalog import Catalog
from campaigns.enrollment import Campaign, CampaignState, Enrollment
from campaigns.publishing import register
from subscribers.interview import Interview

_THESE: BindParameter[int] = bindparam("people", expanding=True)
_MISSING = (
    select(Interview)
    .outerjoin(
        Enrollment, (Enrollment.interview_id == Interview.id) & (Enrollment.campaign == Interview.campaign)
    )
    .where(Interview.subscriber_id.in_(_THESE), Enrollment.id.is_(None))
    .order_by(Interview.id)
)
_OF_PEOPLE = (
    select(Enrollment)
    .join(Enrollment.interview)
    .join(Enrollment.subscriber)
    .options(contains_eager(Enrollment.interview), contains_eager(Enrollment.subscriber))
    .where(Enrollment.subscriber_id.in_(_THESE))
    .order_by(Enrollment.id)
)


def enroll(session: Session, people: Collection[int], *, catalog: Catalog, now: datetime) -> None:
    """Make the enrollments that interviews of these people lack, but none of an archived campaign.

    The people are locked by the caller."""
    interviews = session.scalars(_MISSING, {"people": list(people)}).all()
    keys = {interview.campaign for interview in interviews}
    is_open = {key: _is_open(session, key, catalog=catalog, now=now) for key in sorted(keys)}
    new = [
        {
            "subscriber_id": interview.subscriber_id,
            "interview_id": interview.id,
            "campaign": interview.campaign,
            "enrolled_at": now,
        }
        for interview in interviews
        if is_open[interview.campaign]
    ]
    if new:
        session.execute(insert(Enrollment), new)


def enrollments_of(session: Session, people: Collection[int]) -> Sequence[Enrollment]:
    """All enrollments of these people, in their order, each with its interview and subscriber."""
    return session.scalars(_OF_PEOPLE, {"people": list(people)}).all()


def _is_open(session: Session, key: str, *, catalog: Catalog, now: datetime) -> bool:
    campaign = session.get(Campaign, key)
    if campaign is None or not campaign.number:
        campaign = register(session, catalog, key, now=now)
    return campaign.state != CampaignState.ARCHIVED
