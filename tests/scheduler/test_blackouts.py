"""The database goes away and comes back; and one that is damaged."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from blackouts import Power, power
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from town import Town

from campaigns import Catalog
from delivery import Accepted, Email, OutboxConfig, open_provider, read_outbox
from runup.database import Database, upgrade
from scheduler import Attempt, Clock, Heartbeat, Hold, Journal, State
from scheduler.damage import DAMAGED

__all__ = ["power"]


@pytest.fixture
def dark_town(power: Power, catalog: Catalog, outbox: Path) -> Iterator[Town]:
    made = Town(Database(power.url), catalog, open_provider(OutboxConfig(folder=outbox)))
    yield made
    power.on()
    made.close()
    made.database.close()


class Watched:
    """The outbox, and what happens while it is called."""

    name = "outbox"

    def __init__(self, town: Town, during: Callable[[], None]) -> None:
        self._provider, self._during = town.provider, during
        self.calls = 0

    def deliver(self, email: Email) -> Accepted:
        self.calls += 1
        accepted = self._provider.deliver(email)
        self._during()
        return accepted

    def close(self) -> None:
        """The provider is the town's."""


def attempts(town: Town) -> list[Attempt]:
    with town.database.read() as session:
        return list(session.scalars(select(Attempt)))


def test_without_its_database_a_worker_calls_nobody_and_goes_on_by_itself(
    dark_town: Town, power: Power
) -> None:
    dark_town.people(3)
    provider = Watched(dark_town, lambda: None)
    worker = dark_town.worker(provider=provider)
    power.off()
    for _ in range(4):  # ten minutes of it
        with pytest.raises(DBAPIError):
            worker.tick()
        dark_town.later(minutes=2.5)
    assert provider.calls == 0
    power.on()
    assert worker.tick().accepted == 3
    assert [attempt.kind for attempt in attempts(dark_town)] == ["ok"] * 3


def test_what_was_on_the_wire_when_it_went_is_written_down_when_it_is_back(
    dark_town: Town, power: Power, outbox: Path
) -> None:
    dark_town.ana()
    provider = Watched(dark_town, power.off)
    worker = dark_town.worker(provider=provider)
    with pytest.raises(DBAPIError):
        worker.tick()
    with pytest.raises(DBAPIError):
        worker.tick()
    dark_town.later(minutes=10)
    power.on()
    worker.tick()
    assert dark_town.left() == ["welcome"]
    assert provider.calls == len(list(read_outbox(outbox))) == 1


def test_what_the_dead_worker_was_told_is_in_its_journal(
    dark_town: Town, power: Power, outbox: Path, tmp_path: Path
) -> None:
    dark_town.ana()
    journal = Journal(tmp_path / "journal")
    worker = dark_town.worker(provider=Watched(dark_town, power.off), journal=journal)
    with pytest.raises(DBAPIError):
        worker.tick()
    dark_town.later(minutes=10)
    power.on()
    provider = Watched(dark_town, lambda: None)
    dark_town.tick(provider=provider, journal=journal)
    assert (dark_town.left(), provider.calls) == (["welcome"], 0)
    assert len(list(read_outbox(outbox))) == 1


@pytest.fixture
def damaged_town(tmp_path: Path, catalog: Catalog, outbox: Path) -> Iterator[Town]:
    """Two hundred and fifty people's sends, and a page in the middle that is none any more."""
    file = tmp_path / "runup.db"
    database = Database(f"sqlite:///{file}")
    upgrade(database)
    town = Town(database, catalog, open_provider(OutboxConfig(folder=outbox)))
    town.people(30)
    database.close()
    page = Page.of(file, "ix_send_ready")
    page.write(b"\xa5" * len(page.content))
    town.mend = lambda: page.write(page.content)  # type: ignore[attr-defined]
    yield town
    town.provider.close()
    database.close()


@dataclass(frozen=True)
class Page:
    """A page of a database file, as it was when it was whole."""

    file: Path
    start: int
    content: bytes

    @classmethod
    def of(cls, file: Path, name: str) -> Page:
        """The first page of a table or an index."""
        connection = sqlite3.connect(file)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", [name]).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        connection.close()
        start = (page - 1) * size
        return cls(file, start, file.read_bytes()[start : start + size])

    def write(self, content: bytes) -> None:
        with self.file.open("r+b") as file:
            file.seek(self.start)
            file.write(content)


def test_a_damaged_page_stops_the_worker_and_whoever_starts_next(damaged_town: Town, outbox: Path) -> None:
    town = damaged_town
    size = town.database.file.stat().st_size  # type: ignore[union-attr]
    worker = town.worker()
    with pytest.raises(DBAPIError):
        worker.tick()
    assert "the database is damaged: database disk image is malformed" in worker.tick().held
    with town.database.read() as session:
        assert session.get_one(Hold, DAMAGED).released_until is None
        assert session.scalar(text("PRAGMA quick_check")) != "ok"
    assert not list(read_outbox(outbox))
    clock = Clock(worker)
    clock.forget()
    assert town.database.file.stat().st_size >= size, "nothing is deleted"  # type: ignore[union-attr]


def test_after_the_repair_the_operator_lets_go(damaged_town: Town) -> None:
    town = damaged_town
    with pytest.raises(DBAPIError):
        town.tick()
    town.database.close()
    town.mend()  # type: ignore[attr-defined]
    assert "damaged" in town.tick().held
    with town.write() as session:
        session.get_one(Hold, DAMAGED).released_until = town.now
    assert town.tick().accepted == 30
    assert set(town.states()) == {State.ACCEPTED, State.PLANNED}


def test_without_room_for_an_intent_nothing_is_claimed_and_all_goes_on_when_there_is(
    dark_town: Town, outbox: Path
) -> None:
    dark_town.people(3)
    short = ["only 100 MB are free"]
    worker = dark_town.worker(space=lambda: short[0])
    assert worker.tick().held == "only 100 MB are free"
    with dark_town.database.read() as session:
        assert session.scalars(select(Heartbeat.note)).all() == ["only 100 MB are free"]
    assert not list(read_outbox(outbox))
    short[0] = ""
    assert worker.tick().accepted == 3
