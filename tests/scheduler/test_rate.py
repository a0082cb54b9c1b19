"""So many emails a second and no more, over all workers; and when the provider says wait, all wait."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Barrier, Event

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sendgrid_fake import SendGridFake
from sendgrid_faults import answer
from sqlalchemy import event, select, update
from sqlalchemy.orm import Session
from town import MONDAY, Town

from delivery import Accepted, Email
from runup.database import Database
from scheduler import Clock, RateBucket, Send, State
from scheduler.bucket import LONGEST_WISH, Bucket
from scheduler.transaction import transact

Reopen = Callable[[], Database]


def seconds(count: float) -> datetime:
    return MONDAY + timedelta(seconds=count)


def take(database: Database, bucket: Bucket, wanted: int, *, at: datetime) -> int:
    def act(session: Session) -> int:
        level = bucket.look(session, wanted=wanted, now=at)
        bucket.spend(session, level, level.free)
        return level.free

    return transact(database, act)


# -- the bucket ------------------------------------------------------------------------------------------


def test_it_holds_a_seconds_worth_and_fills_with_time(database: Database) -> None:
    bucket = Bucket(name="sendgrid", rate=10)
    assert take(database, bucket, 50, at=seconds(0)) == 10
    assert take(database, bucket, 50, at=seconds(0)) == 0
    assert take(database, bucket, 50, at=seconds(0.35)) == 3
    assert take(database, bucket, 50, at=seconds(0.4)) == 1, "half a token was kept"
    assert take(database, bucket, 50, at=seconds(3600)) == 10, "and never more than a second's worth"


def test_a_slow_rate_lets_one_leave_at_a_time(database: Database) -> None:
    bucket = Bucket(name="sendgrid", rate=0.2)
    assert [take(database, bucket, 5, at=seconds(at)) for at in (0, 4.9, 5, 9.9, 10)] == [1, 0, 1, 0, 1]


def test_it_says_when_the_next_may_leave(database: Database) -> None:
    bucket = Bucket(name="sendgrid", rate=4)
    with database.write() as session:
        assert bucket.look(session, wanted=3, now=MONDAY).next_at is None
    take(database, bucket, 4, at=seconds(0))
    with database.write() as session:
        assert bucket.look(session, wanted=1, now=MONDAY).next_at == seconds(0.25)


def test_what_was_not_called_is_given_back(database: Database) -> None:
    bucket = Bucket(name="sendgrid", rate=10)
    take(database, bucket, 10, at=seconds(0))
    with database.write() as session:
        bucket.give_back(session, 4)
    assert take(database, bucket, 10, at=seconds(0)) == 4
    with database.write() as session:
        bucket.give_back(session, 500)
    assert take(database, bucket, 500, at=seconds(0)) == 10, "no more than it holds"


def test_clocks_that_differ_make_no_tokens(database: Database) -> None:
    """One worker is forty seconds ahead; they take turns."""
    bucket = Bucket(name="sendgrid", rate=10)
    taken = 0
    for tenth in range(200):
        now = tenth / 10
        taken += take(database, bucket, 100, at=seconds(now + 40 * (tenth % 2)))
    assert taken <= 10 * (20 + 40) + 10
    assert taken <= 10 + 10 * 20 + 10, "being ahead is worth one full bucket, once"


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-30, 30), st.integers(0, 40)), min_size=1, max_size=40), st.floats(0.1, 50)
)
def test_never_more_than_the_rate_whatever_the_clocks_say(
    steps: list[tuple[float, int]], rate: float
) -> None:
    database = Database("sqlite://")
    RateBucket.__table__.create(database.engine)  # type: ignore[attr-defined]
    bucket, taken, moments = Bucket(name="sendgrid", rate=rate), 0, [MONDAY]
    for step, wanted in steps:
        moments.append(moments[-1] + timedelta(seconds=step))
        taken += take(database, bucket, wanted, at=moments[-1])
    database.close()
    span = (max(moments[1:]) - moments[1]).total_seconds()
    assert taken <= rate * span + bucket.size + 1e-6


def test_a_clock_that_was_years_ahead_does_not_stop_us(database: Database) -> None:
    bucket = Bucket(name="sendgrid", rate=10)
    take(database, bucket, 10, at=MONDAY + timedelta(days=3650))
    with database.write() as session:
        bucket.close(session, 60, now=MONDAY + timedelta(days=3650))
    assert take(database, bucket, 10, at=seconds(0)) == 0
    assert take(database, bucket, 10, at=seconds(1)) == 10


@pytest.mark.parametrize("rate", [0.0, 10.0])
def test_closed_by_the_provider_it_gives_nothing_until_then(database: Database, rate: float) -> None:
    bucket = Bucket(name="sendgrid", rate=rate)
    with database.write() as session:
        bucket.close(session, 30, now=MONDAY)
        bucket.close(session, 7, now=MONDAY)
    assert [take(database, bucket, 3, at=seconds(at)) for at in (0, 7, 29.9)] == [0, 0, 0]
    assert take(database, bucket, 3, at=seconds(31)) == 3
    with database.write() as session:
        bucket.close(session, 1e9, now=seconds(40))
    assert take(database, bucket, 3, at=seconds(41)) == 0
    assert take(database, bucket, 3, at=seconds(41) + LONGEST_WISH) == 3, "for an hour at most"


# -- with workers ----------------------------------------------------------------------------------------


@dataclass
class Team:
    """Four workers with connections of their own, who tick together at each tenth of a second."""

    town: Town
    reopen: Reopen
    rate: float

    def run(self, tenths: int, fake: SendGridFake) -> list[int]:
        """How many emails the provider has, after each tenth."""
        workers = [
            self.town.worker(database=self.reopen(), rate=self.rate, concurrency=4, batch=3) for _ in range(4)
        ]
        counts = []
        with ThreadPoolExecutor(4) as pool:
            for _ in range(tenths):
                start = Barrier(4)

                def tick(number: int, start: Barrier = start) -> None:
                    start.wait(10)
                    workers[number].tick()

                list(pool.map(tick, range(4)))
                counts.append(len(fake.accepted))
                self.town.later(seconds=0.1)
        return counts


def test_four_workers_together_keep_to_the_rate(
    posting_town: Town, sendgrid: SendGridFake, reopen: Reopen
) -> None:
    rate = 12.5
    posting_town.people(40)
    counts = Team(posting_town, reopen, rate).run(27, sendgrid)
    for tenth, count in enumerate(counts):
        assert count <= rate * tenth / 10 + rate
    for earlier, later in zip(counts, counts[10:], strict=False):
        assert later - earlier <= rate + rate, "in no second more than a bucket and what fills it"
    assert counts[-1] == 40, "and nothing is wasted: 12 at once, and 12.5 a second"
    assert counts[20] >= 12.5 * 2 + 10
    assert len({accept.mid for accept in sendgrid.accepted}) == 40


def test_without_a_rate_nothing_is_written(posting_town: Town) -> None:
    statements: list[str] = []
    event.listen(posting_town.database.engine, "before_cursor_execute", lambda *c: statements.append(c[2]))
    posting_town.people(5)
    assert posting_town.tick().accepted == 5
    assert [s for s in statements if "rate_bucket" in s and not s.startswith("SELECT")] == []
    with posting_town.database.read() as session:
        assert session.scalars(select(RateBucket)).all() == []


def test_a_claim_that_fails_its_last_checks_costs_no_token(posting_town: Town) -> None:
    """Ten leave a second; of the first ten five belong to people whose facts have just changed."""
    interviews = posting_town.people(15)
    with posting_town.write() as session:
        hurt = [interview.subscriber_id for interview in interviews[:5]]
        session.execute(update(Send).where(Send.subscriber_id.in_(hurt)).values(epoch=Send.epoch - 1))
    assert posting_town.tick(rate=10, batch=15).accepted == 10


def test_when_sendgrid_says_wait_nobody_hammers(
    posting_town: Town, sendgrid: SendGridFake, reopen: Reopen
) -> None:
    posting_town.people(6)
    sendgrid.fail_next(answer(429, {"Retry-After": "40"}))
    tally = posting_town.tick()
    assert (tally.failed, len(sendgrid.requests)) == (1, 1)
    assert "asks us to wait until 09:00:40" in tally.held
    for _ in range(4):
        posting_town.later(seconds=9)
        assert posting_town.tick(database=reopen()).accepted == 0
    assert len(sendgrid.requests) == 1
    assert posting_town.later(seconds=4).tick(database=reopen()).accepted == 6


def test_a_tick_that_has_used_up_its_tokens_ends_and_says_when_to_come_back(posting_town: Town) -> None:
    posting_town.people(8)
    worker = posting_town.worker(rate=5)
    tally = worker.tick()
    assert (tally.accepted, tally.held) == (5, ""), "a rate is no reason to worry anybody"
    assert tally.rest == 0.5, "for several tokens at once, not for each"
    posting_town.later(seconds=tally.rest)
    assert worker.tick().accepted == 2
    posting_town.later(seconds=10)
    tally = worker.tick()
    assert (tally.accepted, tally.rest) == (1, 0.0), "nothing is left that waits"


class Countdown:
    """Says when the provider has had so many."""

    name = "sendgrid"

    def __init__(self, town: Town, count: int) -> None:
        self._provider, self._left, self.done = town.provider, count, Event()

    def deliver(self, email: Email) -> Accepted:
        accepted = self._provider.deliver(email)
        self._left -= 1
        if not self._left:
            self.done.set()
        return accepted

    def close(self) -> None:
        """The provider is the town's."""


def test_on_the_real_clock_the_rate_is_reached_and_never_passed(
    posting_town: Town, sendgrid: SendGridFake
) -> None:
    """A bucketful at once and then forty a second, by the provider's own watch."""
    posting_town.people(90)
    begun = datetime.now(UTC)
    provider = Countdown(posting_town, 90)
    worker = posting_town.worker(
        provider=provider,
        rate=40,
        concurrency=4,
        clock=lambda: posting_town.now + (datetime.now(UTC) - begun),
    )
    clock = Clock(worker, every=60.0)
    clock._tick()  # one wake-up, as the scheduler's thread has it
    assert provider.done.is_set(), "it does not sleep until the next wake-up"
    clock.stop()
    moments = sorted(accept.at - begun.timestamp() for accept in sendgrid.accepted)
    for count, moment in enumerate(moments, 1):
        assert count <= 40 * moment + 40
    assert posting_town.states()[State.ACCEPTED] == 90
