"""What wakes a worker, what notices its silence, and what keeps it alone on a file."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import update
from town import Town

from scheduler import Clock, Send, State, Tally, Worker
from scheduler.lock import AlreadyRunning, only_worker
from subscribers import tzdata_version


class Counted(Worker):
    """Says when it has been ticked twice."""

    def tick(self) -> Tally:
        tally = super().tick()
        ticks.append(tally)
        if len(ticks) == 2:
            twice.set()
        return tally


ticks: list[Tally] = []
twice = threading.Event()


def test_a_clock_ticks_until_it_is_stopped(town: Town) -> None:
    ticks.clear()
    twice.clear()
    plain = town.worker()
    town.ana()
    worker = Counted(
        database=town.database,
        provider=town.provider,
        composer=plain.composer,
        clock=plain.clock,
        concurrency=1,
    )
    clock = Clock(worker, every=0.05)
    clock.start()
    assert twice.wait(30)
    clock.stop()
    assert town.left() == ["welcome"]
    count = len(ticks)
    assert worker.tick().accepted == 0
    assert len(ticks) == count + 1, "nobody else ticks it any more"


def test_a_tick_that_fails_does_not_end_the_ticking(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    failed, went_on = threading.Event(), threading.Event()

    def tick(self: Worker) -> Tally:
        if not failed.is_set():
            failed.set()
            raise RuntimeError("the database is away")
        went_on.set()
        return Tally()

    monkeypatch.setattr(Worker, "tick", tick)
    clock = Clock(town.worker(), every=0.05)
    clock.start()
    assert went_on.wait(30)
    clock.stop()


def test_the_watchdog_cries_once_for_each_silence(town: Town) -> None:
    reading = [0.0]
    worker = town.worker(stopwatch=lambda: reading[0])
    cries: list[float] = []
    clock = Clock(worker, silent_after=60, on_silence=cries.append)
    clock.look()
    reading[0] = 60.0
    clock.look()
    assert cries == []
    reading[0] = 61.0
    clock.look()
    reading[0] = 90.0
    clock.look()
    assert cries == [61.0]
    worker.tick()
    clock.look()
    reading[0] = 200.0
    clock.look()
    assert cries == [61.0, 110.0]


def test_a_long_backlog_is_no_silence(town: Town) -> None:
    """Each batch that lands is a sign of life, however long the tick takes."""
    town.people(6)
    readings: list[float] = [0.0]
    silences: list[float] = []
    worker = town.worker(stopwatch=lambda: readings[0], batch=1)
    clock = Clock(worker, silent_after=60)
    original = worker.provider.deliver

    class Slow:
        name = "outbox"

        def deliver(self, email):  # type: ignore[no-untyped-def]
            readings[0] += 4.0
            silences.append(clock.silence)
            return original(email)

        def close(self) -> None:
            """The provider is the town's."""

    worker.provider = Slow()
    worker.tick()
    assert readings[0] == 24.0
    assert max(silences) <= 8.0


def test_a_second_worker_on_the_file_is_told_who_has_it(tmp_path: Path) -> None:
    file = tmp_path / "runup.db"
    program = (
        "import sys; from pathlib import Path\n"
        "from scheduler.lock import AlreadyRunning, only_worker\n"
        "try:\n"
        "    with only_worker(Path(sys.argv[1])): print('mine')\n"
        "except AlreadyRunning as error: print(error); sys.exit(error.exit_code)\n"
    )

    def another() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", program, str(file)], capture_output=True, text=True, check=False
        )

    with only_worker(file):
        refused = another()
    assert refused.returncode == AlreadyRunning.exit_code == 75
    assert f"process {os.getpid()} on {socket.gethostname()}" in refused.stdout
    assert another().stdout.strip() == "mine", "the lock went with its holder, the file stayed"


def test_in_one_process_too_there_is_one(tmp_path: Path) -> None:
    with only_worker(tmp_path / "runup.db"), pytest.raises(AlreadyRunning):
        only_worker(tmp_path / "runup.db").__enter__()


def test_without_a_file_there_is_nothing_to_lock() -> None:
    with only_worker(None), only_worker(None):
        pass


def test_another_tzdata_release_plans_every_row_again_in_small_steps(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.people(12)
    town.tick()
    with town.write() as session:
        rows = update(Send).where(Send.state == State.PLANNED)
        session.execute(rows.values(tzdata_version="2011a", local_at="", due_at=town.now, ready_at=town.now))
    monkeypatch.setattr("scheduler.sweeping.PATROL_STRIDE", 50)
    worker = town.worker()
    for _ in range(8):
        assert worker.tick().accepted == 0, "nothing leaves at the hour of the old rules"
    assert {send.tzdata_version for send in town.sends(state=State.PLANNED)} == {tzdata_version()}
    assert {send.local_at[:13] for send in town.sends("details")} == {"2026-11-27T09"}


def test_every_night_all_rows_are_planned_again_a_few_at_a_time(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.people(12)
    worker = town.worker()
    worker.tick()
    begun = town.now
    monkeypatch.setattr("scheduler.sweeping.PATROL_STRIDE", 30)
    town.later(hours=25)
    looked = [worker.tick().planned_again for _ in range(12)]
    assert sum(looked) >= 12
    assert max(looked) <= 4, "bounded"
    assert all(send.planned_at > begun for send in town.sends(state=State.PLANNED))
    assert worker.tick().planned_again == 0
