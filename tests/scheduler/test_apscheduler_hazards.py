"""The hazards H15 to H17 of APScheduler: it wakes us and holds nothing that could be lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from apscheduler.job import Job
from apscheduler.jobstores.memory import MemoryJobStore
from town import Town

from scheduler import Clock, State
from scheduler.horizon import next_moment


@pytest.fixture
def clock(town: Town) -> Iterator[Clock]:
    made = Clock(town.worker(), every=3600)
    made._scheduler.start(paused=True)
    yield made
    made.stop()


def jobs(clock: Clock) -> list[Job]:
    return list(clock._scheduler.get_jobs())


def test_h15_no_email_is_a_job(town: Town, clock: Clock) -> None:
    before = {job.id for job in jobs(clock)}
    town.people(20)
    assert {job.id for job in jobs(clock)} == before
    with town.database.read() as session:
        assert next_moment(session, now=town.now), "what is due is known by the rows"


def test_h15_a_scheduler_that_vanishes_takes_nothing_with_it(town: Town) -> None:
    town.ana()
    lost = Clock(town.worker(), every=3600)
    del lost  # never started, never stopped: as after kill -9
    town.tick()
    assert town.send("welcome").state == State.ACCEPTED


def test_h16_a_wake_up_that_comes_late_still_wakes(clock: Clock) -> None:
    """The default drops what is a second late."""
    assert jobs(clock)
    for job in jobs(clock):
        assert (job.misfire_grace_time, job.coalesce, job.max_instances) == (None, True, 1), job.id


def test_h17_nothing_is_pickled_into_the_database(clock: Clock) -> None:
    assert [type(store) for store in clock._scheduler._jobstores.values()] == [MemoryJobStore]
