"""A clock that jumps, steps, stands still or sleeps: nothing leaves early, and no campaign is voided."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sendgrid_fake import SendGridFake
from sqlalchemy import select, text
from town import MONDAY, Town

from delivery import SendGridConfig, open_provider
from runup.database import Database
from scheduler import Clock, Hold, State, Tally, Worker, release_brake
from scheduler.clock_guard import CLOCK, ClockGuard
from scheduler.send import OPEN
from scheduler.witness import ServerTime, witness_of
from subscribers import Subscriber

HOUR = timedelta(hours=1)
DECADE = timedelta(days=3652)


@dataclass
class Machine:
    """Two clocks: one that anybody may set, and one that only counts seconds."""

    wall: datetime = MONDAY
    stopwatch: float = 1_000.0
    testimony: ServerTime | None = None
    asked: int = 0

    def runs(self, **span: float) -> None:
        passed = timedelta(**span)
        self.wall += passed
        self.stopwatch += passed.total_seconds()
        if self.testimony is not None:
            self.tells(self.testimony.now + passed, is_database=self.testimony.is_database)

    def tells(self, now: datetime, *, is_database: bool = False) -> None:
        self.testimony = ServerTime(now, "somebody's server", is_database=is_database)

    def guard(self) -> ClockGuard:
        return ClockGuard(wall=lambda: self.wall, stopwatch=lambda: self.stopwatch, witness=self.witness)

    def witness(self) -> ServerTime | None:
        self.asked += 1
        return self.testimony


@dataclass
class Post:
    """A worker at a machine, ticked every two seconds of the stopwatch."""

    town: Town
    machine: Machine = field(default_factory=Machine)
    worker: Worker = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> Worker:
        guard = self.machine.guard()
        self.worker = self.town.worker(clock=guard, guard=guard, stopwatch=lambda: self.machine.stopwatch)
        return self.worker

    def tick(self) -> Tally:
        return self.worker.tick()

    def wait(self, seconds: int) -> list[str]:
        """What each tick was held by."""
        held = []
        for _ in range(seconds // 2):
            self.machine.runs(seconds=2)
            held.append(self.tick().held)
        return held

    def holds(self) -> list[str]:
        with self.town.database.read() as session:
            return list(session.scalars(select(Hold.kind).where(Hold.released_until.is_(None))))

    def release(self) -> None:
        with self.town.write() as session:
            assert release_brake(session, now=self.machine.wall)


@pytest.fixture
def post(town: Town) -> Post:
    town.people(21)
    made = Post(town)
    assert made.tick().accepted == 21
    return made


def opened(post: Post) -> int:
    return len([send for send in post.town.sends() if send.state in OPEN])


@pytest.mark.parametrize("jump", [HOUR, DECADE, -HOUR, -DECADE, timedelta(days=5)], ids=str)
def test_a_clock_that_is_set_by_much_stops_everything_until_the_operator_has_looked(
    post: Post, jump: timedelta
) -> None:
    waiting, before = opened(post), post.town.snapshot()
    post.machine.wall += jump
    held = [post.tick().held, *post.wait(600)]
    assert all("clock has jumped" in why for why in held)
    assert post.holds() == [CLOCK]
    assert post.town.snapshot() == before, "nothing left, nothing ended, nothing was planned again"
    assert opened(post) == waiting
    post.machine.wall -= jump  # the operator sets it right
    assert all(post.wait(50))
    post.release()
    post.wait(120)
    assert post.holds() == []
    assert opened(post) == waiting
    assert set(post.town.states()) == {State.PLANNED, State.ACCEPTED}


def test_what_the_operator_confirms_is_the_time(post: Post) -> None:
    post.machine.wall += timedelta(days=4, hours=1)  # Friday; the details are due
    assert all([post.tick().held, *post.wait(120)])
    post.release()
    assert post.worker.guard
    post.wait(62)
    assert post.worker.guard() == post.machine.wall
    assert post.town.left().count("details") == 21


def test_a_witness_that_agrees_lets_go_without_anybody(post: Post) -> None:
    post.machine.wall += HOUR
    post.machine.tells(post.machine.wall)
    assert all([post.tick().held, *post.wait(58)])
    assert post.wait(4)[-1] == ""
    assert post.holds() == []


def test_a_witness_found_later_takes_the_brake_off(post: Post) -> None:
    post.machine.wall += HOUR
    post.tick()
    post.wait(120)
    assert post.holds() == [CLOCK]
    post.machine.tells(post.machine.wall)
    post.wait(64)
    assert post.holds() == []
    assert post.tick().held == ""


def test_a_witness_that_disagrees_is_believed_in_its_minutes(post: Post) -> None:
    post.machine.tells(post.machine.wall)
    post.machine.wall += timedelta(minutes=4)
    assert all([post.tick().held, *post.wait(58)])
    assert post.wait(4)[-1] == "", "minutes are not worth a stop"
    post.machine.wall += timedelta(minutes=4)
    assert all([post.tick().held, *post.wait(118)])
    assert "8 minutes ahead of that of somebody's server" in post.tick().held
    assert post.holds() == [CLOCK]


def test_where_all_are_measured_by_the_database_only_the_wrong_one_stands_still(post: Post) -> None:
    post.machine.tells(post.machine.wall, is_database=True)
    post.machine.wall += HOUR
    assert all([post.tick().held, *post.wait(300)])
    assert post.holds() == []
    other = Machine(wall=post.machine.wall - HOUR).guard()
    assert post.town.worker(clock=other, guard=other, stopwatch=other.stopwatch).tick().held == ""
    post.machine.wall -= HOUR
    post.wait(64)
    assert post.tick().held == ""


def test_half_a_minute_is_no_jump_and_five_minutes_are_let_pass(post: Post) -> None:
    post.machine.wall += timedelta(seconds=30)
    assert not any([post.tick().held, *post.wait(60)])
    post.machine.wall -= timedelta(minutes=4)
    assert all([post.tick().held, *post.wait(58)])
    assert post.wait(4)[-1] == ""
    assert post.holds() == []


@pytest.mark.parametrize("step", [20.0, -20.0, 2.0, 3600.0])
def test_a_clock_that_steps_every_second_is_not_believed_while_it_does(post: Post, step: float) -> None:
    before, held = post.town.snapshot(), []
    for _ in range(600):
        post.machine.wall += timedelta(seconds=step)
        held += post.wait(2)
    assert all(held[int(62 / abs(step)) + 1 :])
    assert post.town.snapshot() == before
    post.wait(120)
    assert post.holds() == [CLOCK], "twenty minutes or more in all"


def test_a_machine_that_slept_has_not_jumped(post: Post) -> None:
    post.machine.runs(hours=8)
    assert post.tick().held == ""
    assert post.machine.asked == 1, "at the start, and never again"


def test_a_clock_set_back_is_not_believed_by_whoever_starts_next(post: Post) -> None:
    before = post.town.snapshot()
    post.machine.wall -= timedelta(days=2)
    post.start()
    assert all([post.tick().held, *post.wait(300)])
    assert post.holds() == [CLOCK]
    assert post.town.snapshot() == before
    post.release()
    assert post.wait(64)[-1] == ""
    post.start()
    assert post.tick().held == "", "signs of life from the future are forgotten"


def test_a_clock_found_wrong_at_the_start_is_told_by_its_witness(town: Town) -> None:
    town.people(3)
    machine = Machine(wall=MONDAY + DECADE)
    machine.tells(MONDAY)
    post = Post(town, machine)
    assert "3652 days ahead" in post.tick().held
    assert post.holds() == [CLOCK]
    assert town.left() == []
    machine.wall = MONDAY
    post.start()
    assert post.tick().accepted == 3, "the witness agrees, nobody need be asked"
    assert post.holds() == []


def test_a_jump_in_the_middle_of_a_tick_is_not_written_down(post: Post) -> None:
    """The call under way is recorded at the time it would have been; nothing more is begun."""
    post.machine.runs(days=4, hours=1)
    jumps: list[datetime] = []
    deliver = post.town.provider.deliver

    class Shaken:
        name = "outbox"

        def deliver(self, email: Any) -> Any:
            jumps.append(post.machine.wall)
            post.machine.wall += DECADE
            return deliver(email)

        def close(self) -> None:
            """The provider is the town's."""

    worker = post.start()
    worker.provider, worker.batch = Shaken(), 1
    worker.clock()
    assert post.tick().accepted == 1
    (left,) = [send for send in post.town.sends("details") if send.state == State.ACCEPTED]
    assert left.finished_at
    assert left.finished_at < jumps[0] + HOUR


def test_nothing_is_forgotten_by_a_clock_in_doubt(post: Post) -> None:
    ticking = Clock(post.worker)
    post.machine.wall += DECADE
    ticking.forget()
    post.wait(120)
    ticking.forget()
    post.start()
    Clock(post.worker).forget()
    with post.town.database.read() as session:
        assert not list(session.scalars(select(Subscriber).where(Subscriber.erased_at.is_not(None))))


def test_sendgrid_tells_the_time_of_its_server(town: Town) -> None:
    with SendGridFake() as fake:
        config = SendGridConfig(api_key="SG.tests", host=fake.url)
        provider = open_provider(config, allow_list=("example.com",))
        fake.date = MONDAY
        assert witness_of(town.database, provider)() == ServerTime(MONDAY, "sendgrid's server")
        assert not any("authorization" in headers for _, _, headers in fake.requests), "no key for that"
        fake.date = None
        assert witness_of(town.database, provider)() is None
    assert witness_of(town.database, provider)() is None
    provider.close()


def test_a_server_on_this_machine_is_no_witness(town: Town) -> None:
    assert witness_of(town.database, town.provider)() is None


def test_a_server_elsewhere_tells_the_time_for_all(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tests' own server is on this machine; the question whether it is gets another answer."""
    monkeypatch.setattr("scheduler.witness._NOW", text("SELECT clock_timestamp(), false"))
    database = Database(postgresql_url)
    told = witness_of(database, None)()
    assert told
    assert (told.is_database, told.whose) == (True, "the database's server")
    assert abs(told.now - datetime.now(UTC)) < timedelta(minutes=1)
    database.close()


def test_a_database_that_is_away_tells_nothing(town: Town) -> None:
    away = Database("postgresql+psycopg://nobody@127.0.0.1:1/none")
    assert witness_of(away, town.provider)() is None
    away.close()
