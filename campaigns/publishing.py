"""From files to the version that counts: what is seen first, and what is applied later."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from campaigns.catalog import Catalog
from campaigns.enrollment import Campaign, CampaignState, CampaignStep, Enrollment
from campaigns.sequence import Sequence
from campaigns.source_files import CampaignFiles
from campaigns.timetable import sequence_of
from campaigns.trial import note_trials
from campaigns.version import CampaignVersion, pack, read_version
from subscribers.subscriber import Subscriber

FIRST = 1


class BaseChanged(Exception):
    """Somebody else applied a version meanwhile; the plan was made for another one."""


def register(session: Session, catalog: Catalog, key: str, *, now: datetime) -> Campaign:
    """The campaign, locked. When it is seen for the first time its files become version 1 by themselves.

    Harmless after that, whatever the files say meanwhile. Raises CampaignError when they cannot be read.
    """
    campaign = _locked(session, key)
    if campaign is not None and campaign.number:
        return campaign
    files = catalog.files(key)
    sequence = sequence_of(files)
    campaign = campaign or _made(session, key, now=now)
    if not campaign.number:
        if campaign.version not in ("", files.version):
            # An installation older than versions, upgraded together with an edit: as it was done then.
            _plan_everybody_again(session, key)
        _write(session, campaign, files, sequence, number=FIRST, now=now)
    return campaign


def publish(
    session: Session,
    key: str,
    files: CampaignFiles,
    *,
    base: int,
    now: datetime,
    by: str = "",
    note: str = "",
    copy_of: int | None = None,
    effect: Mapping[str, int] | None = None,
) -> CampaignVersion:
    """Make these files the version that counts, in the caller's transaction: all at once, for every worker.

    From its commit on nothing leaves that was planned by an older version; planning those people again is
    the caller's, or any worker's. `base` is the number the change was planned for: raises BaseChanged when
    it is no longer the newest. Raises CampaignError when the timetable cannot be read.
    """
    sequence = sequence_of(files)
    campaign = _locked(session, key)
    if campaign is None or campaign.number != base:
        raise BaseChanged(f"version {base} of {key} is no longer the newest")
    before = read_version(session, key, base)
    had = {step.key for step in sequence_of(before).steps} if before else set()
    return _write(
        session, campaign, files, sequence,
        number=base + 1, now=now, had=had, by=by, note=note, copy_of=copy_of, effect=effect,
    )  # fmt: skip


def _write(
    session: Session,
    campaign: Campaign,
    files: CampaignFiles,
    sequence: Sequence,
    *,
    number: int,
    now: datetime,
    had: Collection[str] = (),
    by: str = "",
    note: str = "",
    copy_of: int | None = None,
    effect: Mapping[str, int] | None = None,
) -> CampaignVersion:
    version = CampaignVersion(
        campaign=campaign.key,
        number=number,
        version=files.version,
        files=pack(files),
        applied_at=now,
        applied_by=by[:100],
        note=note[:500],
        copy_of=copy_of,
        effect=json.dumps(effect or {}),
    )
    session.add(version)
    campaign.version, campaign.number, campaign.version_at = files.version, number, now
    _note_arrivals(session, sequence, had=had, now=now)
    note_trials(session, sequence, now=now)
    session.flush()
    return version


def _note_arrivals(session: Session, sequence: Sequence, *, had: Collection[str], now: datetime) -> None:
    """Since when each step is part of the campaign. One that was away and is back comes anew: what was due
    while it was away is not sent."""
    known = {
        step.step: step
        for step in session.scalars(select(CampaignStep).where(CampaignStep.campaign == sequence.key))
    }
    for step in sequence.steps:
        if step.key not in known:
            session.add(CampaignStep(campaign=sequence.key, step=step.key, added_at=now))
        elif had and step.key not in had:
            known[step.key].added_at = now


def _locked(session: Session, key: str) -> Campaign | None:
    return session.scalar(
        select(Campaign)
        .where(Campaign.key == key)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def _made(session: Session, key: str, *, now: datetime) -> Campaign:
    """Two workers may see it first at the same moment: one of them writes it down."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    values = {"key": key, "state": CampaignState.RUNNING, "version": "", "number": 0, "created_at": now}
    session.execute(insert(Campaign).values(values).on_conflict_do_nothing(index_elements=["key"]))
    campaign = _locked(session, key)
    assert campaign is not None, "written by us or by somebody else"
    return campaign


def _plan_everybody_again(session: Session, key: str) -> None:
    enrolled = select(Enrollment.subscriber_id).where(Enrollment.campaign == key)
    session.execute(
        update(Subscriber)
        .where(Subscriber.id.in_(enrolled))
        .values(epoch=Subscriber.epoch + 1)
        .execution_options(synchronize_session=False)
    )
