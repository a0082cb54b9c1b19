"""A worker and its mishaps: poison, broken campaigns, databases that fail, and an orderly end."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from importlib.resources import as_file, files
from pathlib import Path

import pytest
from sqlalchemy import event, func, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from town import BRAND, SEQUENCE, Town, composer

from campaigns import Catalog
from campaigns.reasons import Reason
from campaigns.rendering import RenderError
from delivery import Accepted, Email, Provider, copies
from runup.database import Database
from scheduler import Attempt, Composer, Heartbeat, Send, State
from scheduler.composing import Composed
from scheduler.draft import Draft
from scheduler.send import LEASED
from scheduler.transaction import transact


class Vanished(BaseException):
    """The process is gone."""


class Poisoned(Composer):
    """Cannot write to person1."""

    def compose(self, draft: Draft, *, now: datetime) -> Composed:
        if draft.person.first_name == "Person1":
            raise RenderError(SEQUENCE, draft.step, f"{SEQUENCE}/{draft.step}/body.txt", 7, "this tag failed")
        return super().compose(draft, now=now)


class Deadly(Composer):
    """The process dies over person1."""

    def compose(self, draft: Draft, *, now: datetime) -> Composed:
        if draft.person.first_name == "Person1":
            raise Vanished
        return super().compose(draft, now=now)


def written_by(kind: type[Composer], town: Town) -> Composer:
    plain = composer(town.catalog)
    return kind(catalog=plain.catalog, links=plain.links, brand=plain.brand, sender=plain.sender)


def test_one_email_that_cannot_be_made_dies_alone(town: Town) -> None:
    town.people(4)
    tally = town.tick(composer=written_by(Poisoned, town), batch=4)
    assert tally.accepted == 3
    (dead,) = town.sends(state=State.DEAD)
    assert (dead.reason, dead.detail) == (
        Reason.RENDER_ERROR,
        f"{SEQUENCE}/welcome/body.txt:7: this tag failed",
    )
    town.later(minutes=1).tick()
    assert len(town.sends("welcome")) == 4, "and it is not tried again"


def test_after_three_deaths_over_it_an_email_is_dead_and_the_others_of_its_batch_live(town: Town) -> None:
    town.people(4)
    for _ in range(3):
        with pytest.raises(Vanished):
            town.worker(composer=written_by(Deadly, town), batch=4).tick()
        town.workers.clear()
        town.later(seconds=61)
    town.tick(composer=written_by(Deadly, town), batch=4)
    (dead,) = town.sends(state=State.DEAD)
    assert "3 workers died" in dead.detail
    assert len(town.sends("welcome", state=State.ACCEPTED)) == 3


def test_a_campaign_that_cannot_be_read_waits_and_says_so(town: Town, tmp_path: Path) -> None:
    """The operator's own copy of the sequence was half saved when it was first seen; the file is mended and
    applied a minute later."""
    shelf = tmp_path / "templates"
    with as_file(files("templates")) as shipped:
        shutil.copytree(shipped, shelf, ignore=shutil.ignore_patterns("__pycache__"))
    town.catalog = Catalog(folder=shelf, brand=BRAND)
    body = shelf / SEQUENCE / "welcome" / "body.mjml"
    whole = body.read_text()
    body.write_text(whole.replace("[% block body %]", "[% block body %]{% if %}"))
    assert body.read_text() != whole
    town.ana()
    worker = town.worker()
    tally = worker.tick()
    assert tally.accepted == 0
    assert town.send("welcome").state == State.PLANNED
    with town.database.read() as session:
        assert SEQUENCE in session.scalars(select(Heartbeat)).one().note
    body.write_text(whole)
    town.apply()
    town.later(seconds=62)
    assert worker.tick().accepted == 1
    with town.database.read() as session:
        assert session.scalars(select(Heartbeat)).one().note == ""


def test_a_step_taken_out_of_the_campaign_ends_with_that_reason(town: Town, tmp_path: Path) -> None:
    shelf = tmp_path / "templates"
    with as_file(files("templates")) as shipped:
        shutil.copytree(shipped, shelf, ignore=shutil.ignore_patterns("__pycache__"))
    town.ana()
    town.tick()
    timetable = shelf / SEQUENCE / "sequence.toml"
    steps = re.split(r"(?=\[\[step\]\])", timetable.read_text())
    timetable.write_text("".join(step for step in steps if 'key      = "details"' not in step))
    shutil.rmtree(shelf / SEQUENCE / "details")
    town.catalog = Catalog(folder=shelf, brand=BRAND)
    town.apply()
    town.at("2026-11-27 09:09:30").tick()
    assert (town.send("details").state, town.send("details").reason) == (
        State.SUPERSEDED,
        Reason.STEP_REMOVED,
    )


@contextmanager
def failing(database: Database, state: str, *, times: int) -> Iterator[None]:
    """The next `times` statements that write `state` fail as if the server had gone away."""
    left = [times]

    def fail(*call: object) -> None:
        statement, parameters = str(call[2]), call[3]
        values = parameters.values() if isinstance(parameters, dict) else parameters
        if left[0] and statement.startswith("UPDATE send SET") and state in list(values):  # type: ignore[call-overload]
            left[0] -= 1
            raise OperationalError(statement, None, Exception("server closed the connection unexpectedly"))

    event.listen(database.engine, "before_cursor_execute", fail)
    yield
    event.remove(database.engine, "before_cursor_execute", fail)
    assert left == [0], "nothing has failed"


def test_when_the_answer_cannot_be_written_down_it_is_kept_and_written_later(
    town: Town, outbox: Path
) -> None:
    town.ana()
    worker = town.worker()
    with failing(town.database, "accepted", times=1), pytest.raises(OperationalError):
        worker.tick()
    assert town.send("welcome").state == State.SENDING
    town.later(seconds=2)
    worker.tick()
    assert town.send("welcome").state == State.ACCEPTED
    assert sum(copies(outbox).values()) == 1


def test_an_answer_kept_past_its_lease_settles_the_doubt(posting_town: Town) -> None:
    posting_town.ana()
    worker = posting_town.worker()
    with failing(posting_town.database, "accepted", times=1), pytest.raises(OperationalError):
        worker.tick()
    posting_town.later(seconds=61)
    posting_town.tick()  # another worker finds the lease ended
    assert posting_town.send("welcome").state == State.IN_DOUBT
    worker.tick()
    assert posting_town.send("welcome").state == State.ACCEPTED


def test_a_claim_whose_intent_cannot_be_written_is_given_back(town: Town) -> None:
    town.ana()
    worker = town.worker()
    with failing(town.database, "sending", times=1), pytest.raises(OperationalError):
        worker.tick()
    assert town.send("welcome").state == State.CLAIMED
    town.later(seconds=2)
    assert worker.tick().accepted == 1
    welcome = town.send("welcome")
    assert (welcome.claims, welcome.attempts) == (0, 1)


def test_collisions_of_transactions_are_tried_again_and_not_for_ever(town: Town) -> None:
    class Deadlock(Exception):
        sqlstate = "40P01"

    tried: list[int] = []

    def act(session: Session) -> str:
        tried.append(len(tried))
        if len(tried) < 3:
            raise OperationalError("UPDATE", None, Deadlock())
        return "done"

    assert transact(town.database, act) == "done"
    assert tried == [0, 1, 2]

    def never(session: Session) -> None:
        tried.append(0)
        raise OperationalError("UPDATE", None, Deadlock())

    tried.clear()
    with pytest.raises(OperationalError):
        transact(town.database, never)
    assert 2 <= len(tried) <= 10


def test_a_real_deadlock_is_survived(town: Town, reopen: Callable[[], Database]) -> None:
    """Two transactions take two rows in opposite order; on SQLite the second simply waits."""
    first, second = town.people(2)
    meet = threading.Barrier(2)
    turns: list[str] = []

    def act(database: Database, order: tuple[int, int]) -> None:
        waited: list[bool] = []

        def take(session: Session) -> None:
            for identity in order:
                session.execute(
                    update(Send).where(Send.subscriber_id == identity).values(detail=Send.detail + "x")
                )
                if not waited and not database.is_sqlite:
                    waited.append(True)
                    meet.wait(10)
            turns.append("done")

        transact(database, take)

    ids = (first.subscriber_id, second.subscriber_id)
    threads = [threading.Thread(target=act, args=(reopen(), order)) for order in (ids, tuple(reversed(ids)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert {send.detail for send in town.sends()} == {"xx"}


class StopsItsWorker:
    """The operator's signal comes during the first call."""

    name = "outbox"

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.stop: Callable[[], None] = lambda: None
        self.calls = 0

    def deliver(self, email: Email) -> Accepted:
        self.calls += 1
        self.stop()
        return self.provider.deliver(email)

    def close(self) -> None:
        """The provider is the town's."""


@pytest.mark.parametrize("concurrency", [1, 8])
def test_told_to_stop_it_finishes_its_calls_and_claims_no_more(town: Town, concurrency: int) -> None:
    town.people(12)
    provider = StopsItsWorker(town.provider)
    worker = town.worker(provider=provider, concurrency=concurrency, batch=2)
    provider.stop = worker.stop
    worker.tick()
    worker.close()
    states = {send.state for send in town.sends("welcome")}
    assert states == {State.ACCEPTED, State.PLANNED}
    assert not [send for send in town.sends() if send.state in LEASED]
    assert len(town.sends("welcome", state=State.ACCEPTED)) == provider.calls


def test_told_to_stop_between_claim_and_intent_it_gives_back(town: Town) -> None:
    town.people(3)

    class Signaled(Composer):
        def compose(self, draft: Draft, *, now: datetime) -> Composed:
            worker.stop()
            return super().compose(draft, now=now)

    worker = town.worker(composer=written_by(Signaled, town), batch=3)
    worker.tick()
    assert not [send for send in town.sends() if send.state in LEASED]


def test_a_tick_ends_though_its_clock_stands_still(town: Town) -> None:
    """Each kind of thing that could come round again in the same moment."""
    ana, *others = town.people(6)
    with town.write() as session:
        session.execute(
            update(Send).where(Send.subscriber_id == ana.subscriber_id).values(epoch=Send.epoch - 1)
        )
        left = town.now - timedelta(hours=1)
        session.execute(
            update(Send)
            .where(Send.subscriber_id == others[0].subscriber_id, Send.step == "welcome")
            .values(waits_for_gap=True)
        )
        session.execute(
            update(Send)
            .where(Send.subscriber_id == others[0].subscriber_id, Send.step == "farewell")
            .values(left_at=left)
        )
        session.execute(
            update(Send)
            .where(Send.subscriber_id == others[1].subscriber_id)
            .values(expires_at=town.now + timedelta(seconds=10))
        )
    assert town.tick(batch=6).accepted == 3
    assert town.later(seconds=2).tick().accepted == 1, "the one whose facts had changed"


def test_two_workers_without_a_lock_send_everything_once(
    town: Town, reopen: Callable[[], Database], outbox: Path
) -> None:
    town.people(60)
    start = threading.Barrier(3)
    tallies = []

    def work(database: Database) -> None:
        worker = town.worker(database=database, concurrency=4)
        start.wait(10)
        tallies.append(worker.tick())

    threads = [threading.Thread(target=work, args=(reopen(),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    town.tick()
    assert sum(copies(outbox).values()) == 60
    assert len(town.sends("welcome", state=State.ACCEPTED)) == 60
    with town.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Attempt)) == 60


def test_however_long_the_backlog_no_statement_grows_with_it(town: Town) -> None:
    """SQLite takes 32,766 parameters in one statement, PostgreSQL 65,535."""
    sizes: list[int] = []

    def count(*call: object) -> None:
        one = call[3][0] if call[5] and call[3] else call[3]  # type: ignore[index]
        sizes.append(len(one))  # type: ignore[arg-type]

    town.people(60)
    event.listen(town.database.engine, "before_cursor_execute", count)
    town.tick(batch=5)
    few = max(sizes)
    event.remove(town.database.engine, "before_cursor_execute", count)
    assert len(town.sends("welcome", state=State.ACCEPTED)) == 60
    assert few < 45


def test_the_heartbeat_names_who_and_when(town: Town) -> None:
    worker = town.worker()
    worker.tick()
    town.later(seconds=2)
    worker.tick()
    with town.database.read() as session:
        beat = session.scalars(select(Heartbeat)).one()
    assert (beat.worker, beat.last_tick_at, beat.note) == (worker.boot, town.now, "")
    assert beat.started_at == town.now - timedelta(seconds=2)


def test_next_due_is_the_next_moment_of_anything(town: Town) -> None:
    worker = town.worker()
    assert worker.next_due() is None
    town.ana()
    assert worker.next_due() == town.send("welcome").due_at
    worker.tick()
    assert worker.next_due() == town.send("details").due_at
    town.pause()
    assert worker.next_due() == min(
        send.expires_at for send in town.sends(state=State.PLANNED) if send.expires_at
    )


def test_outlook_tells_what_left_what_comes_and_what_does_not(town: Town) -> None:
    ana = town.ana(interview_time="08:30")
    town.tick()
    lines = {line.step: line for line in town.outlook(ana)}
    assert lines["welcome"].kind == "left"
    assert lines["details"].kind == "coming"
    assert lines["details"].at
    assert (lines["details"].at.hour, lines["details"].zone) == (9, "Europe/Berlin")
    assert (lines["morning"].kind, lines["morning"].reason) == ("left_out", "condition_false")
    assert lines["morning"].why
