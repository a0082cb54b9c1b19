"""What `doctor` looks at in trials of variants: whether what they wait for is counted at all."""

from __future__ import annotations

from collections.abc import Iterator

from campaigns import Catalog
from campaigns.applied_catalog import applied
from campaigns.errors import CampaignError
from campaigns.variants import Goal
from runup.application import brand_of
from runup.database import Database
from runup.examining import Finding, Level
from runup.settings import Settings


def examine_trials(settings: Settings, database: Database) -> Iterator[Finding]:
    """Of the versions in force; nothing is said where there are no variants."""
    waiting = _decided_by_clicks(settings, database)
    if waiting and not settings.count_clicks:
        yield Finding(
            Level.FAILED,
            "variants",
            f"{', '.join(waiting)} wait for clicks, and none are counted: nobody will ever win",
            "set count_clicks = true, or let outcomes decide and apply that version",
        )
    elif waiting:
        yield Finding(Level.OK, "variants", f"the clicks of {', '.join(waiting)} are counted")


def _decided_by_clicks(settings: Settings, database: Database) -> list[str]:
    catalog = Catalog(folder=settings.templates, brand=brand_of(settings))
    with database.read() as session:
        shelf = applied(session, catalog)
        found: list[str] = []
        for key in shelf.keys():  # noqa: SIM118 - no mapping
            try:
                steps = shelf.sequence(key).steps
            except CampaignError:
                continue  # told by whoever looks at campaigns
            found += [f"{key}/{one.key}" for one in steps if one.decide and one.decide.by is Goal.CLICKS]
        return found
