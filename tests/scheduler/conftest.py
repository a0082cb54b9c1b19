"""Ana, her town, a real outbox and a clock that moves when told to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from databases import (
    database,
    database_url,
    postgresql_server,
    postgresql_url,
    reopen,
    sqlite_url,
)
from sendgrid_fake import SendGridFake
from town import BRAND, Town

from campaigns import Catalog
from delivery import OutboxConfig, SendGridConfig, open_provider
from runup.database import Database

__all__ = ["database", "database_url", "postgresql_server", "postgresql_url", "reopen", "sqlite_url"]


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    """The campaigns of the package, compiled once."""
    shelf = Catalog(brand=BRAND)
    shelf.renderer("second_interview")
    return shelf


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    return tmp_path / "outbox"


@pytest.fixture
def town(database: Database, catalog: Catalog, outbox: Path) -> Iterator[Town]:
    made = Town(database=database, catalog=catalog, provider=open_provider(OutboxConfig(folder=outbox)))
    yield made
    made.close()


@pytest.fixture
def sendgrid() -> Iterator[SendGridFake]:
    with SendGridFake() as fake:
        yield fake


@pytest.fixture
def posting_town(database: Database, catalog: Catalog, sendgrid: SendGridFake) -> Iterator[Town]:
    """A town whose emails go to the SendGrid fake over a real socket."""
    provider = open_provider(SendGridConfig(api_key="SG.tests", host=sendgrid.url))
    made = Town(database=database, catalog=catalog, provider=provider)
    yield made
    made.close()
