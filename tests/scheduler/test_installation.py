"""A worker's arrival at a database: where it was, moved, brought back from a backup, left alone for long."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update
from town import Town

from runup.database import Database
from scheduler import Attempt, Hold, Installation, Journal, Send, State, release_brake
from scheduler import machine as machines
from scheduler.installation import LONG_GAP, MOVED_MACHINE, OLDER_THAN_JOURNAL, arrive, resume
from scheduler.machine import place_of, sealed
from scheduler.send import OPEN
from scheduler.waiting import waiting


@dataclass(frozen=True)
class Told:
    """A line of a journal."""

    reference: str
    attempt: int
    at: datetime


@dataclass
class Machine:
    """A worker's place, which starts, works and goes away."""

    town: Town
    place: str = "machine one"
    journal: tuple[Told, ...] = ()

    def starts(self) -> list[str]:
        with self.town.write() as session:
            holds = arrive(session, place=self.place, journal=self.journal, now=self.town.now)
            return [hold.kind for hold in holds]

    def on(self) -> set[str]:
        with self.town.database.read() as session:
            return set(session.scalars(select(Hold.kind).where(Hold.released_until.is_(None))))

    def release(self, only: str = "") -> list[str]:
        with self.town.write() as session:
            return [hold.kind for hold in release_brake(session, now=self.town.now, only=only)]


@pytest.fixture
def here(town: Town) -> Machine:
    """A first start, and a day's work done."""
    town.people(3)
    made = Machine(town)
    assert made.starts() == []
    town.tick()
    return made


def test_a_planned_restart_is_no_news(here: Machine) -> None:
    here.town.later(minutes=59)
    assert here.starts() == []
    with here.town.database.read() as session:
        known = session.get_one(Installation, 1)
    assert known.started_at == here.town.now
    assert known.machine == sealed("machine one", instance=known.instance)
    assert "one" not in known.machine


def test_a_copy_on_another_machine_sends_nothing_and_lets_nothing_expire(here: Machine) -> None:
    here.town.at("2026-11-27 09:30")
    here.place = "machine two"
    assert MOVED_MACHINE in here.starts()
    assert here.starts() == [], "said once"
    before = here.town.snapshot()
    assert here.town.tick().held
    here.town.at("2026-12-20 09:30")
    assert here.town.tick().held
    assert here.town.snapshot() == before
    here.release()
    assert here.town.tick().held == ""
    assert not [send for send in here.town.sends("details") if send.state in OPEN]


def test_back_on_the_first_machine_it_asks_again(here: Machine) -> None:
    here.place = "machine two"
    assert here.starts() == [MOVED_MACHINE]
    here.release()
    assert here.starts() == []
    here.place = "machine one"
    assert here.starts() == [MOVED_MACHINE]


def test_where_nothing_can_be_told_nothing_is_compared(here: Machine) -> None:
    here.place = ""
    assert here.starts() == []
    here.place = "machine one"
    assert here.starts() == []


def test_a_long_absence_asks_only_when_something_fell_due(here: Machine) -> None:
    here.town.later(hours=3)
    assert here.starts() == [], "nothing was missed"
    here.town.tick()
    here.town.at("2026-11-27 09:30")
    assert here.starts() == [LONG_GAP]
    assert "3 sends fell due" in here.town.tick().held
    assert here.town.left().count("details") == 0
    here.town.later(hours=1)
    with here.town.database.read() as session:
        found = waiting(session, now=here.town.now)
    assert (found.by_step, found.ending, len(found.first)) == ({"details": 3}, 0, 3)
    assert here.release() == [LONG_GAP]
    here.town.tick()
    assert here.town.left().count("details") == 3


def test_a_paused_campaign_has_missed_nothing(here: Machine) -> None:
    here.town.pause()
    here.town.at("2026-11-27 09:30")
    assert here.starts() == []


def test_a_restart_after_weeks_is_one_word_of_the_operator(town: Town) -> None:
    town.people(25)
    here = Machine(town)
    here.starts()
    town.tick(concurrency=4)
    town.at("2026-12-20 09:30")
    assert here.starts() == [LONG_GAP]
    with town.write() as session:
        assert [hold.kind for hold in resume(session, now=town.now)] == [LONG_GAP]
    assert town.tick().held == "", "and not a second brake because much expires"
    assert not town.sends("details", state=State.PLANNED)


def test_each_brake_is_let_go_of_by_its_name(here: Machine) -> None:
    here.town.at("2026-11-27 09:30")
    here.place = "machine two"
    assert here.starts() == [MOVED_MACHINE, LONG_GAP]
    assert here.release(only=LONG_GAP) == [LONG_GAP]
    assert here.on() == {MOVED_MACHINE}
    assert "another place" in here.town.tick().held
    assert here.release(only=LONG_GAP) == []
    assert here.release(only=MOVED_MACHINE) == [MOVED_MACHINE]
    assert here.town.tick().accepted == 3


def test_a_backup_brought_back_is_older_than_its_journal(here: Machine, tmp_path: Path) -> None:
    """The journal has an answer to an attempt that this database never made."""
    town = here.town
    made = [Told(s.reference, 1, town.now) for s in town.sends("welcome")]
    here.journal = tuple(made)
    assert here.starts() == [], "it has made these"
    lost = town.send("details")
    here.journal = (*made, Told(lost.reference, 1, town.now + timedelta(minutes=5)))
    town.later(minutes=30)
    assert here.starts() == [OLDER_THAN_JOURNAL]
    assert "older" in town.tick().held
    here.release()
    assert here.starts() == [], "said once"
    here.journal = (*here.journal, Told("f" * 32, 1, town.now + timedelta(minutes=1)))
    town.later(minutes=5)
    assert here.starts() == [OLDER_THAN_JOURNAL], "somebody it has never heard of"


def test_a_real_journal_and_a_real_backup(town: Town, tmp_path: Path) -> None:
    """Ana's details leave after the backup was made. Brought back, it is stopped, told by the journal, and
    sends them to nobody twice."""
    if not town.database.is_sqlite:
        _on_postgresql(town, tmp_path)
        return
    journal = Journal(tmp_path / "journal")
    _days_work(town, journal)
    file, backup = town.database.file, tmp_path / "backup.db"
    assert file
    _copy(file, backup)
    town.at("2026-11-27 09:30").tick(journal=journal)
    assert town.left() == ["welcome", "details"]
    old = Town(Database(f"sqlite:///{backup}"), town.catalog, town.provider, now=town.now)
    place = Machine(old, journal=tuple(Told(x.reference, x.attempt, x.at) for x in journal.lines()))
    assert OLDER_THAN_JOURNAL in place.starts()
    assert old.tick(journal=journal).accepted == 0
    place.release()
    assert old.tick(journal=journal).accepted == 0, "its own journal knows that they have left"
    assert old.left() == ["welcome", "details"]
    old.database.close()


def _days_work(town: Town, journal: Journal) -> None:
    town.ana()
    assert Machine(town).starts() == []
    assert town.tick(journal=journal).accepted == 1


def _copy(file: Path, to: Path) -> None:
    with sqlite3.connect(file) as source, sqlite3.connect(to) as target:
        source.backup(target)
    source.close()
    target.close()


def _on_postgresql(town: Town, folder: Path) -> None:
    """Without a second cluster: the rows of that hour are taken out again."""
    journal = Journal(folder / "journal")
    _days_work(town, journal)
    before = {send.id: send for send in town.sends()}
    town.at("2026-11-27 09:30").tick(journal=journal)
    assert town.left() == ["welcome", "details"]
    details = before[town.send("details").id]
    with town.write() as session:
        session.execute(delete(Attempt).where(Attempt.send_id == details.id))
        columns = ("state", "reason", "attempts", "intent_at", "left_at", "finished_at", "ready_at")
        values = {name: getattr(details, name) for name in columns}
        session.execute(update(Send).where(Send.id == details.id).values(**values))
    place = Machine(town, journal=tuple(Told(x.reference, x.attempt, x.at) for x in journal.lines()))
    assert OLDER_THAN_JOURNAL in place.starts()
    place.release()
    assert town.tick(journal=journal).accepted == 0
    assert town.left() == ["welcome", "details"]


def test_what_the_operator_calls_it_is_where_it_is(town: Town) -> None:
    assert place_of(town.database, name="production") == "name production"
    assert place_of(town.database) != place_of(town.database, name="production")


def test_the_place_of_a_file_is_its_machine_and_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = tmp_path / "machine-id"
    ids.write_text("0123456789abcdef0123456789abcdef\n")
    monkeypatch.setattr(machines, "_IDS", (tmp_path / "none", ids))
    monkeypatch.setattr(machines, "_CONTAINER_FILES", (tmp_path / ".dockerenv",))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    one, other = (Database(f"sqlite:///{tmp_path / name}.db") for name in ("one", "two"))
    assert place_of(one) != place_of(other), "a copy beside it"
    assert place_of(one) == place_of(one)
    ids.write_text("f" * 32)
    assert place_of(one).startswith("machine ffff")
    (tmp_path / ".dockerenv").touch()
    assert place_of(one) == "", "in a container nothing lasts but the operator's word"
    (tmp_path / ".dockerenv").unlink()
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    assert place_of(one) == ""
    ids.unlink()
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST")
    assert place_of(one).startswith("machine "), "a machine without an id has a name"


def test_the_place_of_a_postgresql_is_the_cluster_whatever_machine_asks(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    database = Database(postgresql_url)
    place = place_of(database)
    assert place.startswith("cluster ")
    monkeypatch.setattr(machines, "_IDS", (tmp_path / "another machine",))
    assert place_of(database) == place
    database.close()
