from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.applied_catalog import Applied, applied
from campaigns.catalog import Catalog
from campaigns.enrollment import Campaign, CampaignPause, CampaignState
from campaigns.errors import CampaignError
from campaigns.publishing import register

log = structlog.get_logger(__name__)

LOOK_AGAIN_AFTER = timedelta(minutes=1)

# Asked at every tick, and built once.
_RUNNING = select(Campaign.key).where(Campaign.state == CampaignState.RUNNING).order_by(Campaign.key)
_PAUSED = (
    select(CampaignPause.campaign, CampaignPause.why)
    .join(Campaign, Campaign.key == CampaignPause.campaign)
    .where(CampaignPause.ended_at.is_(None), CampaignPause.why != "")
    .where(Campaign.state == CampaignState.PAUSED)
    .order_by(CampaignPause.campaign)
)


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

    def look(self, session: Session, *, now: datetime) -> None:
        """Read what was applied meanwhile, and write down campaigns that the database does not know."""
        self._broken = {key: told for key, told in self._broken.items() if now < told[0]}
        shelf = applied(session, self.catalog)
        for key in shelf.keys():  # noqa: SIM118 - no mapping
            self._read(session, shelf, key, now=now)
        keys = shelf.keys()
        self.usable = [key for key in keys if key not in self._broken]
        self._missing = [key for key in session.scalars(_RUNNING) if key not in keys]
        self._paused = [(key, why) for key, why in session.execute(_PAUSED)]

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

    def _read(self, session: Session, shelf: Applied, key: str, *, now: datetime) -> None:
        if key in self._broken:
            return
        try:
            if not shelf.number(key):
                register(session, self.catalog, key, now=now)
            shelf.sequence(key)
        except CampaignError as error:
            self.broke(key, error, now=now)
