"""A worker that is stopped between its last checks and the call makes no call."""

from __future__ import annotations

from sqlalchemy import event
from town import Town

from scheduler import State


def test_a_worker_that_slept_right_after_the_commit_of_its_intent_does_not_call(town: Town) -> None:
    town.ana()
    seconds = [0.0]

    def sleep_after_intent(_connection: object) -> None:
        seconds[0] += 10

    worker = town.worker(stopwatch=lambda: seconds[0])
    event.listen(town.database.engine, "commit", sleep_after_intent)
    try:
        tally = worker.tick()
    finally:
        event.remove(town.database.engine, "commit", sleep_after_intent)

    assert tally.accepted == 0
    assert town.send("welcome").state == State.PLANNED
    assert town.left() == []
    assert town.later(seconds=5).tick().accepted == 1
