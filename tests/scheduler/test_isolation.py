"""One bad email and one slow provider trouble nobody else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy import update
from town import Town

from campaigns.rendering import RenderError
from delivery import Accepted, Email
from scheduler import Composer, Send, State, Worker
from scheduler.composing import Composed
from scheduler.draft import Draft


class PoisonedNow(Composer):
    """Cannot write to those whose name begins with Poison."""

    def compose(self, draft: Draft, *, now: datetime) -> Composed:
        if draft.person.first_name.startswith("Poison"):
            raise RenderError(draft.campaign, draft.step, "body.txt", 1, "this tag failed")
        return super().compose(draft, now=now)


def ticks_until_all_left(town: Town, worker: Worker) -> list[int]:
    """Two seconds apart; how many have left after each."""
    counts = []
    for _ in range(4):
        worker.tick()
        counts.append(len(town.left()))
        town.later(seconds=2)
    return counts


def test_poison_costs_the_others_no_tick(town: Town) -> None:
    plain = town.worker().composer
    poisoned = PoisonedNow(catalog=plain.catalog, links=plain.links, brand=plain.brand, sender=plain.sender)
    for number in range(5):
        town.person(f"poison{number}")
    town.people(20)
    counts = ticks_until_all_left(town, town.worker(composer=poisoned, batch=8))
    assert counts[0] == 20, "as soon as without it"
    assert len(town.sends(state=State.DEAD)) == 5


def test_what_killed_a_worker_before_is_claimed_alone_and_the_others_leave_at_once(town: Town) -> None:
    poison = town.person("poison")
    town.people(20)
    with town.write() as session:
        session.execute(update(Send).where(Send.subscriber_id == poison.subscriber_id).values(claims=2))
    assert ticks_until_all_left(town, town.worker(batch=8))[0] == 21


class Slow:
    """Takes 19 seconds of the virtual clock for each call: every call hangs until the clock is moved."""

    name = "outbox"

    def __init__(self, town: Town) -> None:
        self._provider = town.provider
        self._moved = threading.Condition()
        self._waves = 0
        self.flying = self.most = self._waiting = 0

    def deliver(self, email: Email) -> Accepted:
        with self._moved:
            self.flying += 1
            self.most = max(self.most, self.flying)
            self._moved.notify_all()
            wave = self._waves
            self._waiting += 1
            self._moved.wait_for(lambda: self._waves > wave, timeout=60)
            self._waiting -= 1
            self.flying -= 1
            self._moved.notify_all()
        return self._provider.deliver(email)

    def wait_until_full(self, count: int) -> bool:
        with self._moved:
            return self._moved.wait_for(lambda: self.flying >= count, timeout=60)

    def nineteen_seconds_later(self, move: Callable[[], object]) -> None:
        """Every call that hangs answers; returns when they have."""
        with self._moved:
            move()
            self._waves += 1
            self._moved.notify_all()
            self._moved.wait_for(lambda: self._waiting == 0, timeout=60)

    def close(self) -> None:
        """The provider is the town's."""


@pytest.mark.parametrize(
    "minutes", [10, pytest.param(60, marks=[pytest.mark.long, pytest.mark.timeout(600)])]
)
def test_while_each_call_takes_nineteen_seconds_few_are_under_way_and_people_sign_up(
    town: Town, minutes: int
) -> None:
    size, waves = 2, minutes * 60 // 19
    town.people(size * waves)
    provider, done = Slow(town), threading.Event()
    worker = town.worker(provider=provider, concurrency=size, batch=size)

    def work() -> None:
        while not done.is_set():
            worker.tick()

    working = threading.Thread(target=work)
    working.start()
    newcomers = 0
    for wave in range(waves):
        assert provider.wait_until_full(size)
        if wave % 10 == 5:
            # Nothing is open in the database while calls hang.
            town.person(f"newcomer{wave}")
            newcomers += 1
        provider.nineteen_seconds_later(lambda: town.later(seconds=19))
    done.set()
    worker.stop()
    while working.is_alive():
        provider.nineteen_seconds_later(lambda: None)
        working.join(0.05)
    assert provider.most == size
    assert newcomers == (waves + 4) // 10
    assert not town.sends(state=State.IN_DOUBT)
    assert len(town.left()) >= size * waves
