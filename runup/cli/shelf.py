"""The campaigns an operator can name, without a database."""

from __future__ import annotations

from pathlib import Path

from campaigns import Catalog
from campaigns.applied_catalog import applied
from runup.application import Application, brand_of, run_of
from runup.cli.errors import BadInput
from runup.settings import Settings
from runup.workspace import nearest


def catalog_of(settings: Settings) -> Catalog:
    return Catalog(folder=settings.templates, brand=brand_of(settings), run=run_of(settings))


def base_of(settings: Settings) -> Path | None:
    base = settings.templates and settings.templates / "_base"
    return base if base and base.is_dir() else None


def known_key(settings: Settings, campaign: str) -> str:
    key, keys = campaign or settings.campaign, catalog_of(settings).keys()
    if key not in keys:
        raise BadInput(
            f"there is no campaign {key!r}{nearest(key, keys) or '; there is: ' + ', '.join(keys)}"
        )
    return key


def stored_key(application: Application, campaign: str) -> str:
    """As `known_key`, and also campaigns that have been applied and whose files are gone."""
    with application.database.read() as session:
        keys = applied(session, application.catalog).keys()
    key = campaign or application.settings.campaign
    if key not in keys:
        raise BadInput(
            f"there is no campaign {key!r}{nearest(key, keys) or '; there is: ' + ', '.join(keys)}"
        )
    return key


def require_step(catalog: Catalog, key: str, step: str) -> None:
    """Raise BadInput unless the campaign has this step; an empty one stands for all."""
    steps = [one.key for one in catalog.sequence(key).steps]
    if step and step not in steps:
        raise BadInput(f"{key} has no step {step!r}{nearest(step, steps) or '; it has: ' + ', '.join(steps)}")
