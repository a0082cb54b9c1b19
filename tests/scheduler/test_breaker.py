"""A provider that fails is left alone, by everybody, and asked again with one real email."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sendgrid_fake import SendGridFake
from sendgrid_faults import RST_AFTER_BODY, Fault, answer
from sqlalchemy import event, select, update
from town import MONDAY, Town

from runup.database import Database
from runup.reports import status
from scheduler import BreakerState, Heartbeat, Send, State
from scheduler.breaker import CLOSED, FAILURES_TO_OPEN, PROBE_EVERY, WINDOW, Reading
from scheduler.bucket import Bucket
from scheduler.gate import Gate
from scheduler.outcomes import NOT_CALLED, OK, Outcome

Reopen = Callable[[], Database]


def heard(kinds: Sequence[str], reading: Reading = CLOSED, *, at: datetime = MONDAY) -> Reading:
    for kind in kinds:
        reading = reading.heard(Outcome(kind=kind, error=f"it was {kind}"), is_probe=False, now=at)
    return reading


# -- the rules -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kinds", "opens"),
    [
        ("A", True),
        ("NNNNN", True),
        ("UUUUU", True),
        ("NUNUN", True),
        ("NNNN", False),
        (["N"] * 4 + [OK] + ["N"] * 4, False),
        (["N"] * 4 + ["R"] + ["N"] * 4, False),
        (["N"] * 4 + [NOT_CALLED] + ["N"], True),
        ("R" * 50, False),
        ([OK, "N"] * 10, False),
        (["N", OK] * 10, True),
        (["N", OK] * 9 + ["N"], False),
    ],
    ids=[
        "account", "five not sent", "five unknown", "five mixed", "four", "one accepted between",
        "one refused between", "what was not called does not count", "refused emails",
        "half of nineteen", "half of twenty", "fewer than twenty",
    ],
)  # fmt: skip
def test_what_opens_it(kinds: Sequence[str], opens: bool) -> None:
    assert heard(kinds).is_open is opens


def test_failures_spread_over_more_than_a_minute_do_not_add_up() -> None:
    reading = heard(["N", OK] * 9)
    assert not heard(["N", OK], reading, at=MONDAY + WINDOW).is_open
    assert heard(["N", OK], reading, at=MONDAY + WINDOW - timedelta(seconds=1)).is_open


def test_a_minute_without_failures_is_forgotten() -> None:
    reading = heard([OK], heard(["N"]), at=MONDAY + WINDOW)
    assert reading.is_quiet, "a provider that works costs no counting"


def test_only_the_probe_closes_it() -> None:
    reading = heard("A")
    assert heard([OK, "N", "A", "R"], reading) == reading, "these were on the wire already"
    later = MONDAY + PROBE_EVERY
    for kind in (OK, "R"):
        assert reading.heard(Outcome(kind=kind), is_probe=True, now=later) == CLOSED
    for kind in ("N", "U", "A"):
        after = reading.heard(Outcome(kind=kind, error="still"), is_probe=True, now=later)
        assert (after.opened_at, after.probe_at, after.why) == (MONDAY, later + PROBE_EVERY, "still")
    assert reading.heard(Outcome(kind=NOT_CALLED), is_probe=True, now=later) == reading


@given(st.lists(st.sampled_from([OK, "N", "U", "A", "R", NOT_CALLED]), max_size=60))
def test_whatever_comes_it_is_open_only_after_failures(kinds: list[str]) -> None:
    reading = heard(kinds)
    failures = [kind for kind in kinds if kind in "NUA"]
    if reading.is_open:
        assert "A" in failures or len(failures) >= FAILURES_TO_OPEN
        assert (reading.failures, reading.window_calls) == (0, 0)
    elif "A" in failures or "NNNNN" in "".join(kind for kind in kinds if kind != NOT_CALLED):
        pytest.fail("it should be open")


def test_a_probe_set_by_a_clock_that_was_years_ahead_is_made_all_the_same() -> None:
    reading = Reading(opened_at=MONDAY, probe_at=MONDAY + timedelta(days=3650))
    assert reading.may_probe(MONDAY)
    assert not Reading(opened_at=MONDAY, probe_at=MONDAY + timedelta(seconds=45)).may_probe(MONDAY)


def test_a_probe_whose_answer_never_comes_is_not_the_last_one() -> None:
    gate = Gate(provider="sendgrid", bucket=Bucket(name="sendgrid", rate=0.0), reading=heard("NNNNN"))
    later = MONDAY + PROBE_EVERY
    assert gate.room(8, flying=0, now=later) == 1
    gate.launched(1)
    assert gate.room(7, flying=1, now=later + PROBE_EVERY) == 0, "it is on the wire"
    assert gate.room(8, flying=0, now=later + PROBE_EVERY) == 1


def test_afterwards_calls_begin_slowly() -> None:
    gate = Gate(provider="outbox", bucket=Bucket(name="outbox"))
    gate.heard(heard("A"), [])
    assert gate.room(8, flying=0, now=MONDAY) == 0
    gate.heard(CLOSED, [Outcome(kind=OK)])
    rooms = []
    for _ in range(4):
        rooms.append(gate.room(8, flying=0, now=MONDAY))
        gate.heard(CLOSED, [Outcome(kind=OK)] * rooms[-1])
    assert rooms == [2, 4, 8, 8]
    assert gate.room(3, flying=5, now=MONDAY) == 3, "and then it is as before"


# -- with workers ----------------------------------------------------------------------------------------


def row(town: Town) -> BreakerState | None:
    with town.database.read() as session:
        return session.get(BreakerState, town.provider.name)


def test_while_all_is_well_nothing_is_written(posting_town: Town) -> None:
    posting_town.people(5)
    assert posting_town.tick().accepted == 5
    assert row(posting_town) is None


@pytest.mark.parametrize("fault", [answer(503, {"Retry-After": "0"}), RST_AFTER_BODY], ids=["N", "U"])
def test_five_in_a_row_stop_all_workers(
    posting_town: Town, sendgrid: SendGridFake, reopen: Reopen, fault: Fault
) -> None:
    posting_town.people(20)
    sendgrid.choose_fault = lambda: fault
    posting_town.tick()
    assert len(sendgrid.requests) == FAILURES_TO_OPEN
    assert "sendgrid" in posting_town.tick(database=reopen()).held
    assert len(sendgrid.requests) == FAILURES_TO_OPEN, "the other one did not even try"


def test_failures_are_counted_over_all_workers(
    posting_town: Town, sendgrid: SendGridFake, reopen: Reopen
) -> None:
    workers = [posting_town.worker(database=reopen(), batch=1) for _ in range(2)]
    sendgrid.choose_fault = lambda: answer(429)
    for worker in itertools.islice(itertools.cycle(workers), FAILURES_TO_OPEN):
        reading = row(posting_town)
        assert reading is None or reading.opened_at is None
        posting_town.person(f"guest{len(sendgrid.requests)}")
        worker.tick()
        posting_town.later(seconds=1)
    state = row(posting_town)
    assert state
    assert state.opened_at
    assert len(sendgrid.requests) == FAILURES_TO_OPEN


def test_a_restart_does_not_close_it(posting_town: Town, sendgrid: SendGridFake) -> None:
    posting_town.people(3)
    sendgrid.fail_next(answer(401))
    posting_town.tick()
    restarted = posting_town.later(seconds=20).worker()
    assert "401" in restarted.tick().held
    assert len(sendgrid.requests) == 1
    with posting_town.database.read() as session:
        notes = session.scalars(select(Heartbeat.note).where(Heartbeat.worker == restarted.boot)).all()
        breaker = status(session, now=posting_town.now, provider="sendgrid").breaker
    assert "401" in notes[0]
    assert (breaker["is_open"], breaker["opened_at"]) == (True, MONDAY)
    assert breaker["probe_at"] == MONDAY + PROBE_EVERY
    assert "401" in breaker["why"]


def test_while_it_is_open_nothing_is_claimed(posting_town: Town, sendgrid: SendGridFake) -> None:
    posting_town.people(3)
    sendgrid.fail_next(answer(403))
    worker = posting_town.worker()
    worker.tick()
    claims: list[str] = []

    def note(*call: object) -> None:
        statement = str(call[2])
        if statement.startswith("UPDATE send SET") and "claims" in statement.partition("WHERE")[0]:
            claims.append(statement)

    event.listen(posting_town.database.engine, "before_cursor_execute", note)
    for _ in range(5):
        posting_town.later(seconds=5)
        worker.tick()
        posting_town.tick()
    event.remove(posting_town.database.engine, "before_cursor_execute", note)
    assert claims == []


def test_of_four_workers_one_makes_the_probe(
    posting_town: Town, sendgrid: SendGridFake, reopen: Reopen
) -> None:
    posting_town.people(8)
    sendgrid.choose_fault = lambda: answer(401)
    posting_town.tick()
    workers = [posting_town.worker(database=reopen()) for _ in range(4)]
    for probes in (1, 2, 3):
        posting_town.later(seconds=30)
        start = Barrier(4)

        def tick_together(number: int, start: Barrier = start) -> None:
            start.wait(10)
            workers[number].tick()

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(tick_together, range(4)))
        assert len(sendgrid.requests) == 1 + probes
    assert posting_town.states()[State.PLANNED] > 8
    assert not posting_town.sends(state=State.CLAIMED)


def test_a_probe_that_was_long_in_hand_puts_the_next_one_off(posting_town: Town) -> None:
    """Its worker claimed and gave back while the database was away; then it called, and died."""
    one, other = (Gate(provider="sendgrid", bucket=Bucket(name="sendgrid")) for _ in range(2))
    with posting_town.write() as session:
        one.hear(session, [Outcome(kind="A")], now=MONDAY)

    def room(gate: Gate, seconds: int) -> int:
        with posting_town.write() as session:
            admission = gate.admit(session, wanted=8, now=MONDAY + timedelta(seconds=seconds))
        gate.admitted(admission)
        return admission.room

    assert (room(one, 30), room(other, 31)) == (1, 0)
    assert room(one, 58) == 1, "still in hand"
    assert (room(other, 61), room(other, 87), room(other, 88)) == (0, 0, 1)
    assert room(one, 89) == 0, "its turn is over"


def test_its_success_opens_the_way_for_everybody(
    posting_town: Town, sendgrid: SendGridFake, reopen: Reopen
) -> None:
    posting_town.people(6)
    prober, other = posting_town.worker(batch=1), posting_town.worker(database=reopen())
    sendgrid.fail_next(answer(401))
    prober.tick()
    assert other.tick().held
    posting_town.later(seconds=30)
    assert prober.tick().accepted == 6
    posting_town.person("kiri")
    tally = other.tick()
    assert (tally.accepted, tally.held) == (1, "")
    state = row(posting_town)
    assert state
    assert (state.opened_at, state.probe_at, state.why, state.failures) == (None, None, "", 0)


def test_the_probe_is_the_most_urgent_email(posting_town: Town, sendgrid: SendGridFake) -> None:
    posting_town.people(4)
    sendgrid.fail_next(answer(401))
    posting_town.tick()
    urgent = posting_town.sends("welcome")[-1]
    with posting_town.write() as session:
        soon = posting_town.now + timedelta(hours=1)
        session.execute(update(Send).where(Send.id == urgent.id).values(expires_at=soon))
    sendgrid.choose_fault = lambda: answer(401)
    posting_town.later(seconds=30).tick()
    with posting_town.database.read() as session:
        tried = session.get_one(Send, urgent.id)
    assert tried.attempts == 1
    assert len(sendgrid.requests) == 2


def test_with_nothing_due_the_probe_waits_for_somebody(posting_town: Town, sendgrid: SendGridFake) -> None:
    posting_town.ana()
    sendgrid.fail_next(answer(400), answer(401))
    worker = posting_town.worker()
    posting_town.person("sam")
    worker.tick()
    state = row(posting_town)
    assert state
    assert state.opened_at
    with posting_town.write() as session:
        later = posting_town.now + timedelta(days=1)
        session.execute(update(Send).where(Send.ready_at <= posting_town.now).values(ready_at=later))
    for _ in range(40):
        posting_town.later(seconds=2)
        worker.tick()
    assert len(sendgrid.requests) == 2
    posting_town.person("kiri")
    assert worker.tick().accepted == 1, "at once"


def test_a_late_success_of_another_worker_does_not_close_it(posting_town: Town) -> None:
    gate = Gate(provider="sendgrid", bucket=Bucket(name="sendgrid"))
    with posting_town.write() as session:
        opened = gate.hear(session, [Outcome(kind="A")], now=posting_town.now)
    other = Gate(provider="sendgrid", bucket=Bucket(name="sendgrid"))
    with posting_town.write() as session:
        other.look(session)
        assert other.hear(session, [Outcome(kind=OK)], now=posting_town.now) == opened
