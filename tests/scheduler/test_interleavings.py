"""Every change of facts at every point of one send, on two connections: before the intent it is seen, after
it one email is on the wire, and nobody waits for ever."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from interleaving import (
    ACTS,
    AFTER_THE_INTENT,
    GOODBYES,
    MOVES,
    POINTS,
    Act,
    HeldDatabase,
    Meeting,
    goes_for_good,
    held,
    is_paused,
)
from sqlalchemy import create_engine, make_url, text
from town import Town

from campaigns import Catalog
from delivery import Email, OutboxConfig, open_provider
from runup.database import Database, upgrade
from scheduler import State
from scheduler.invariants import violations
from scheduler.send import ARRIVED, LEASED
from subscribers import Interview, Subscriber

_statements: dict[str, dict[Any, Any]] = {"sqlite": {}, "postgresql": {}}
ANSWERS = {"moved", "canceled", "goodbye"}
DUE = "2026-11-27 09:09:30"
"""In Berlin: Ana's "Go one level deeper" is due, a week before her interview."""


def prepare(url: str, catalog: Catalog, outbox: Path) -> None:
    """Ana has had her welcome; a worker has looked at her plan today."""
    town = Town(database=Database(url), catalog=catalog, provider=open_provider(OutboxConfig(folder=outbox)))
    town.ana()
    town.tick()
    town.at("2026-11-27 09:00:00").tick()
    town.close()
    town.database.close()


@pytest.fixture(scope="module")
def sqlite_eve(catalog: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("eve")
    database = Database(f"sqlite:///{folder / 'runup.db'}")
    upgrade(database)
    database.close()
    prepare(f"sqlite:///{folder / 'runup.db'}", catalog, folder / "outbox")
    return folder / "runup.db"


@pytest.fixture(scope="module")
def postgresql_eve(
    postgresql_server: str, catalog: Catalog, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    administer(postgresql_server, "CREATE DATABASE eve TEMPLATE migrated")
    prepare(on(postgresql_server, "eve"), catalog, tmp_path_factory.mktemp("eve") / "outbox")
    yield "eve"
    administer(postgresql_server, "DROP DATABASE eve WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def eve(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A copy of that morning."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_eve"), tmp_path / "runup.db")
        yield f"sqlite:///{tmp_path / 'runup.db'}"
        return
    server, template = (request.getfixturevalue(name) for name in ("postgresql_server", "postgresql_eve"))
    administer(server, f"CREATE DATABASE that_morning TEMPLATE {template}")
    yield on(server, "that_morning")
    administer(server, "DROP DATABASE that_morning WITH (FORCE)")


def administer(address: str, statement: str) -> None:
    engine = create_engine(address, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


def on(address: str, name: str) -> str:
    return make_url(address).set(database=name).render_as_string(hide_password=False)


class Morning:
    """Two connections to it: the worker's and the other one's."""

    def __init__(self, url: str, catalog: Catalog, outbox: Path) -> None:
        self.mine, self.other = HeldDatabase(url), HeldDatabase(url)
        for database in (self.mine, self.other):
            database.share(_statements[url.partition(":")[0].partition("+")[0]])
        provider = open_provider(OutboxConfig(folder=outbox))
        self.town = Town(database=self.other, catalog=catalog, provider=provider).at(DUE)

    def ana(self) -> Interview:
        with self.other.read() as session:
            return session.query(Interview).one()

    def close(self) -> None:
        self.town.close()
        self.mine.close()
        self.other.close()


@pytest.fixture
def morning(eve: str, catalog: Catalog, outbox: Path) -> Iterator[Morning]:
    made = Morning(eve, catalog, outbox)
    yield made
    made.close()


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
def test_whatever_happens_wherever_a_send_is(morning: Morning, act: Act, point: str) -> None:
    town = morning.town
    meeting = Meeting(town, morning.other, morning.ana(), point, act)
    with held(town, morning.mine, meeting) as provider:
        that_morning = list(provider.letters)
        if meeting.was_first and point not in AFTER_THE_INTENT:
            assert_it_was_seen(town, act, that_morning)
        if act not in MOVES:
            assert len(advice(that_morning)) <= 1, "what was on the wire, and nothing besides"
        town.later(days=2).tick(provider=provider)
    if act in GOODBYES or act is is_paused:
        assert provider.letters == that_morning, "nothing more after that"
    if act is goes_for_good:
        assert_nobody_is_left(town)
    assert_all_is_well(town, provider.letters)


def advice(letters: Sequence[Email]) -> list[str]:
    """The steps that left, without what answers an act: that she has moved it, or called it off."""
    return [step for _, step in (letter.categories for letter in letters) if step not in ANSWERS]


def assert_it_was_seen(town: Town, act: Act, letters: Sequence[Email]) -> None:
    """Committed before the intent: no advice after a goodbye, a pause or a cancellation, and after a move
    nothing that was planned before it."""
    if act not in MOVES:
        assert not advice(letters)
    with town.database.read() as session:
        epoch = session.query(Subscriber).one().epoch
    left = {letter.reference for letter in letters}
    assert {send.epoch for send in town.sends() if send.reference in left} <= {epoch}


def assert_nobody_is_left(town: Town) -> None:
    with town.database.read() as session:
        person = session.query(Subscriber).one()
        assert (person.address, person.address_hmac, person.first_name) == (None, None, "")


def assert_all_is_well(town: Town, letters: Sequence[Email]) -> None:
    """Nobody holds anything, nothing has left twice for one occasion, no rule is broken."""
    sends = town.sends()
    assert not [send for send in sends if send.state in (*LEASED, State.IN_DOUBT)]
    assert max(Counter(letter.reference for letter in letters).values(), default=1) == 1
    left = Counter((send.step, send.occasion) for send in sends if send.state in ARRIVED)
    assert max(left.values()) == 1
    with town.database.read() as session:
        assert not violations(session)
