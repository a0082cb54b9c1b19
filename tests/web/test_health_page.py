from __future__ import annotations

import pytest

from scheduler import Heartbeat, Hold, release_brake


@pytest.fixture
def tick(visitor):
    def tick():
        now = visitor.application.clock()
        with visitor.application.database.write() as session:
            session.merge(Heartbeat(worker="w1", host="h", pid=1, started_at=now, last_tick_at=now, note=""))

    return tick


def test_health_is_good_while_a_worker_ticks(visitor, tick, clock):
    tick()
    answer = visitor.get("/health")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert answer.json()["last_tick_at"] == clock.now.isoformat()
    assert visitor.http.head("/health").status_code == 200


def test_health_turns_bad_when_ticking_stops_and_good_again(visitor, tick, clock):
    tick()
    clock.forward(minutes=5)
    answer = visitor.get("/health")
    assert (answer.status_code, answer.json()["status"]) == (503, "ticking has stopped")
    tick()
    assert visitor.get("/health").status_code == 200


def test_health_before_the_first_tick_is_bad(visitor):
    assert visitor.get("/health").status_code == 503


def test_health_names_nobody_and_counts_nothing(visitor, tick):
    visitor.confirmed()
    tick()
    assert set(visitor.get("/health").json()) == {"status", "last_tick_at"}


def test_health_is_bad_while_a_brake_waits_for_the_operator(visitor, tick, clock):
    tick()
    with visitor.application.database.write() as session:
        session.add(Hold(kind="clock", began_at=clock.now, detail="it jumped; is it right now?"))
    answer = visitor.get("/health")
    assert (answer.status_code, answer.json()["status"]) == (503, "stopped until somebody has looked: clock")
    with visitor.application.database.write() as session:
        release_brake(session, now=clock.now)
    assert visitor.get("/health").status_code == 200
