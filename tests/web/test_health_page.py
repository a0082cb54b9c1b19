from __future__ import annotations

import pytest
from sqlalchemy import text, update

from campaigns.enrollment import Campaign, CampaignState
from runup.database import space
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
    assert answer.json() == {"status": "ok", "causes": [], "last_tick_at": clock.now.isoformat()}
    assert visitor.http.head("/health").status_code == 200


def test_health_turns_bad_when_ticking_stops_and_good_again(visitor, tick, clock):
    tick()
    clock.forward(minutes=5)
    answer = visitor.get("/health")
    assert (answer.status_code, answer.json()["status"]) == (503, "ticking has stopped")
    assert answer.json()["causes"] == ["clock_stopped"]
    tick()
    assert visitor.get("/health").status_code == 200


def test_health_before_the_first_tick_is_bad(visitor):
    answer = visitor.get("/health")
    assert (answer.status_code, answer.json()["causes"]) == (503, ["no_worker"])


def test_an_email_that_is_overdue_for_longer_than_the_bound_is_bad(visitor, tick, clock):
    visitor.confirmed()  # the welcome is due at once, and nobody is at work
    clock.forward(minutes=14)
    tick()
    assert visitor.get("/health").status_code == 200
    clock.forward(minutes=2)
    tick()
    answer = visitor.get("/health")
    assert answer.json()["causes"] == ["late"]
    assert answer.json()["status"] == "an email is overdue by more than 15 minutes"


def test_what_a_paused_campaign_keeps_is_not_late(visitor, tick, clock):
    visitor.confirmed()
    with visitor.application.database.write() as session:
        session.execute(update(Campaign).values(state=CampaignState.PAUSED))
    clock.forward(hours=2)
    tick()
    assert visitor.get("/health").status_code == 200


def test_a_full_disk_is_bad_for_all_but_the_living(visitor, tick, monkeypatch):
    tick()
    monkeypatch.setattr(space.Space, "free", 3 * space.MB)
    assert visitor.get("/health").json()["causes"] == ["disk_full"]
    assert visitor.get("/health/ready").status_code == 503
    assert visitor.get("/health/live").status_code == 200


def test_a_database_that_is_away_is_bad_for_all_but_the_living(visitor, tick):
    tick()
    with visitor.application.database.write() as session:
        session.execute(text("ALTER TABLE heartbeat RENAME TO elsewhere"))
    answer = visitor.get("/health")
    assert (answer.status_code, answer.json()["causes"]) == (503, ["database_away"])
    assert visitor.get("/health/ready").status_code == 503
    assert visitor.get("/health/live").json()["status"] == "ok"


def test_the_site_is_ready_whatever_the_workers_do(visitor):
    assert visitor.get("/health").status_code == 503
    assert visitor.get("/health/ready").json() == {"status": "ok", "causes": []}


def test_health_names_nobody_and_counts_nothing(visitor, tick, clock):
    visitor.confirmed()
    tick()
    before = visitor.get("/health").text
    assert "ana" not in before.lower()
    visitor.sign_up(email="kiri@example.com")
    tick()
    assert set(visitor.get("/health").json()) == {"status", "causes", "last_tick_at"}


def test_health_is_bad_while_a_brake_waits_for_the_operator(visitor, tick, clock):
    tick()
    with visitor.application.database.write() as session:
        session.add(Hold(kind="clock", began_at=clock.now, detail="it jumped; is it right now?"))
    answer = visitor.get("/health")
    assert (answer.status_code, answer.json()["status"]) == (503, "stopped until somebody has looked: clock")
    assert answer.json()["causes"] == ["held"]
    with visitor.application.database.write() as session:
        release_brake(session, now=clock.now)
    assert visitor.get("/health").status_code == 200
