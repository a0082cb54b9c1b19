from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.catalog import Catalog
from campaigns.enrollment import Campaign, CampaignPause, CampaignState, register
from campaigns.errors import CampaignError

log = structlog.get_logger(__name__)

LOOK_AGAIN_AFTER = timedelta(minutes=1)


@dataclass(kw_only=True)
class Shelf:
    """Which campaigns can be sent from. One that cannot be read waits, whole, and is looked at again in a
    minute; nobody's send is to blame for a broken file."""

    catalog: Catalog
    usable: list[str] = field(default_factory=list)
    _broken: dict[str, tuple[datetime, str]] = field(default_factory=dict)
    _missing: list[str] = field(default_factory=list)
    _paused: list[tuple[str, str]] = field(default_factory=list)
    """By a worker, with its reason."""
    _registered: set[tuple[str, str]] = field(default_factory=set)

    def look(self, session: Session, *, now: datetime) -> None:
        """Read what is new, and write down campaigns and steps that the database does not know."""
        keys = self.catalog.keys()
        self._broken = {key: told for key, told in self._broken.items() if now < told[0]}
        for key in keys:
            self._read(session, key, now=now)
        self.usable = [key for key in keys if key not in self._broken]
        running = select(Campaign.key).where(Campaign.state == CampaignState.RUNNING).order_by(Campaign.key)
        self._missing = [key for key in session.scalars(running) if key not in keys]
        self._paused = [
            (key, why)
            for key, why in session.execute(
                select(CampaignPause.campaign, CampaignPause.why)
                .where(CampaignPause.ended_at.is_(None), CampaignPause.why != "")
                .order_by(CampaignPause.campaign)
            )
        ]

    def broke(self, key: str, error: CampaignError, *, now: datetime) -> None:
        log.error("campaign_cannot_be_read", campaign=key, error=str(error))
        self._broken[key] = (now + LOOK_AGAIN_AFTER, str(error))
        self.usable = [other for other in self.usable if other != key]

    @property
    def note(self) -> str:
        """What is wrong, in words for the operator; empty when nothing is."""
        broken = [f"campaign {key} cannot be read: {why}" for key, (_, why) in sorted(self._broken.items())]
        missing = [f"campaign {key} is not among the templates" for key in self._missing]
        paused = [f"campaign {key} is paused: {why}" for key, why in self._paused]
        return "; ".join([*broken, *missing, *paused])

    def _read(self, session: Session, key: str, *, now: datetime) -> None:
        if key in self._broken:
            return
        try:
            sequence = self.catalog.sequence(key)
        except CampaignError as error:
            self.broke(key, error, now=now)
            return
        if (key, sequence.version) not in self._registered:
            register(session, sequence, now=now)
            self._registered.add((key, sequence.version))
