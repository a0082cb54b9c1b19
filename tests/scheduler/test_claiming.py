"""Two workers never get the same row, and some rows nobody gets."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import update
from town import SEQUENCE, Town

from runup.database import Database
from scheduler import Hold, Send, State
from scheduler.claiming import CALL, LEASE, claim, find_due, release
from scheduler.transaction import transact

Reopen = Callable[[], Database]


@pytest.fixture
def morning(town: Town) -> Town:
    """Ana and three others, each due "Go one level deeper"."""
    town.ana()
    town.people(3)
    town.tick()
    return town.at("2026-11-27 09:09:30")


def due(town: Town, most: int = 100) -> list[int]:
    with town.database.read() as session:
        found = find_due(session, most=most, now=town.now, campaigns=[SEQUENCE])
    return [due.send_id for due in found]


def taken(town: Town, ids: list[int], holder: str = "mine") -> list[int]:
    return transact(town.database, lambda session: claim(session, ids, token=holder, now=town.now))


def test_a_claim_is_a_lease_with_a_secret_and_an_end(morning: Town) -> None:
    claimed = taken(morning, due(morning))
    assert len(claimed) == 4
    send = morning.sends(id=claimed[0])[0]
    assert (send.state, send.lease_token, send.claims) == (State.CLAIMED, "mine", 1)
    assert send.lease_until == morning.now + LEASE


def test_what_is_claimed_is_not_claimed_again(morning: Town) -> None:
    ids = due(morning)
    assert taken(morning, ids[:2]) == ids[:2]
    assert taken(morning, ids, "yours") == ids[2:]
    assert due(morning) == []


def test_released_it_is_free_again_and_the_claims_do_not_count(morning: Town) -> None:
    ids = due(morning)
    taken(morning, ids)
    with morning.write() as session:
        release(session, ids, token="somebody else's")
    assert morning.states()[State.CLAIMED] == 4
    with morning.write() as session:
        release(session, ids, token="mine")
    assert due(morning) == ids
    assert {send.claims for send in morning.sends("details")} == {0}


def test_earliest_expiry_first(morning: Town) -> None:
    last = morning.sends("details")[-1]
    with morning.write() as session:
        sooner = morning.now + timedelta(hours=1)
        session.execute(update(Send).where(Send.id == last.id).values(expires_at=sooner))
    assert due(morning)[0] == last.id
    assert due(morning, most=1) == [last.id]


@pytest.mark.parametrize("early", [timedelta(seconds=1), timedelta(minutes=9)])
def test_nothing_is_taken_before_it_is_due(morning: Town, early: timedelta) -> None:
    earliest = min(send.due_at for send in morning.sends("details") if send.due_at)
    morning.now = earliest - early
    assert due(morning) == []


def test_nothing_is_taken_that_could_end_after_its_expiry(morning: Town) -> None:
    ids = due(morning)
    with morning.write() as session:
        session.execute(update(Send).where(Send.id == ids[0]).values(expires_at=morning.now + CALL))
        almost = morning.now + CALL - timedelta(seconds=1)
        session.execute(update(Send).where(Send.id == ids[1]).values(expires_at=almost))
    assert ids[0] in due(morning)
    assert ids[1] not in due(morning)


def test_a_paused_campaign_is_left_alone(morning: Town) -> None:
    ids = due(morning)
    morning.pause()
    assert due(morning) == []
    assert taken(morning, ids) == [], "not even by a look from before the pause"
    morning.resume()
    assert due(morning) == ids


def test_while_a_brake_is_on_nobody_claims(morning: Town) -> None:
    ids = due(morning)
    with morning.write() as session:
        session.add(Hold(kind="mass_expiry", began_at=morning.now, detail="is the clock right?"))
    assert due(morning) == []
    assert taken(morning, ids) == []


def test_what_has_lain_for_ten_minutes_is_planned_again_first(morning: Town) -> None:
    morning.later(hours=1)
    assert due(morning) == []
    assert morning.tick().planned_again == 4
    assert morning.left().count("details") == 4


def test_a_row_of_another_tzdata_release_is_planned_again_first(morning: Town) -> None:
    ids = due(morning)
    with morning.write() as session:
        session.execute(update(Send).where(Send.id == ids[0]).values(tzdata_version="2011a"))
    assert due(morning) == ids[1:]
    assert taken(morning, ids) == ids[1:]


def test_many_workers_claim_each_row_once(morning: Town, reopen: Reopen) -> None:
    morning.people(36, interview_date="2026-12-04", interview_time="15:00")
    morning.later(hours=-2)
    ids = [send.id for send in morning.sends(state=State.PLANNED)][:300]
    now = morning.now + timedelta(days=1)
    with morning.write() as session:
        far = now + timedelta(days=1)
        session.execute(
            update(Send).where(Send.id.in_(ids)).values(ready_at=now, expires_at=far, planned_at=now)
        )
    workers = 8
    start, names = Barrier(workers), itertools.count()

    def work() -> list[int]:
        database, token, mine = reopen(), f"worker {next(names)}", []
        start.wait()
        for first in range(0, len(ids), 10):
            some = ids[first : first + 10]
            mine += transact(database, lambda s: claim(s, some, token=token, now=now))  # noqa: B023
        return mine

    with ThreadPoolExecutor(workers) as pool:
        claimed = [row for mine in [pool.submit(work) for _ in range(workers)] for row in mine.result()]
    assert sorted(claimed) == sorted(ids)


def test_postgresql_passes_over_what_another_worker_has_locked(
    morning: Town, reopen: Reopen, database: Database
) -> None:
    if database.is_sqlite:
        assert "for update" not in str(database.engine.url)  # one writer: there is nothing to pass over
        return
    ids = due(morning)
    with morning.write() as first:
        assert claim(first, ids[:2], token="mine", now=morning.now) == ids[:2]
        with reopen().write() as second:  # would wait for ever, did it not skip
            assert claim(second, ids, token="yours", now=morning.now) == ids[2:]
