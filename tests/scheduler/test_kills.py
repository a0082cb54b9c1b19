"""A worker killed with -9 at every step of one send: nothing lost, no second copy. Real processes, real
databases, and the provider's own log as the witness."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from killing import AFTER_THE_INTENT, BEFORE_THE_INTENT, DONE, POINTS, Doom, break_the_rule, judge
from sendgrid_fake import SendGridFake
from town import Town

import scheduler.worker
from delivery import copies
from scheduler import State

KILLS = int(os.environ.get("RUNUP_KILLS", "300")) // 25
"""Per database and provider: few, because test_kill_campaign.py kills the most."""

Log = Callable[[], Counter[str]]


@pytest.fixture(scope="session")
def doom() -> Iterator[Doom]:
    made = Doom()
    yield made
    made.close()


class Scene:
    """A town, and workers of it that die."""

    def __init__(self, town: Town, doom: Doom, log: Log, provider: dict[str, str]) -> None:
        self.town, self.doom, self.log, self.provider = town, doom, log, provider

    def worker(self, **fate: Any) -> int:
        database = self.town.database.engine.url.render_as_string(hide_password=False)
        return self.doom.work(database=database, now=self.town.now.isoformat(), **self.provider, **fate)

    def settle(self) -> None:
        """A fresh worker takes over when the leases of the dead have ended."""
        for _ in range(4):
            self.town.later(seconds=61).tick()

    def verdict(self) -> Any:
        return judge(self.town.database, self.log(), now=self.town.now)


@pytest.fixture
def scene(town: Town, doom: Doom, outbox: Path) -> Scene:
    def log() -> Counter[str]:
        counted: Counter[str] = Counter()
        for (reference, _), count in copies(outbox).items():
            counted[reference] += count
        return counted

    return Scene(town, doom, log, {"outbox": str(outbox)})


@pytest.fixture
def posting_scene(posting_town: Town, doom: Doom, sendgrid: SendGridFake) -> Scene:
    def log() -> Counter[str]:
        return Counter(accept.mid for accept in sendgrid.accepted)

    return Scene(posting_town, doom, log, {"sendgrid": sendgrid.url})


@pytest.mark.parametrize("point", POINTS)
def test_with_the_outbox_every_email_arrives_once_wherever_its_worker_died(scene: Scene, point: str) -> None:
    scene.town.ana()
    assert scene.worker(point=point) == -9
    scene.settle()
    welcome = scene.town.send("welcome")
    assert scene.log() == {welcome.reference: 1}
    assert welcome.state == State.ACCEPTED
    verdict = scene.verdict()
    assert (verdict.doubled, verdict.lost) == ({}, [])


@pytest.mark.parametrize("point", [*BEFORE_THE_INTENT, *DONE])
def test_with_sendgrid_one_that_was_not_intended_leaves_once(posting_scene: Scene, point: str) -> None:
    posting_scene.town.ana()
    assert posting_scene.worker(point=point) == -9
    posting_scene.settle()
    assert posting_scene.town.send("welcome").state == State.ACCEPTED
    verdict = posting_scene.verdict()
    assert (verdict.doubled, verdict.lost) == ({}, [])


@pytest.mark.parametrize("point", AFTER_THE_INTENT)
def test_with_sendgrid_one_that_was_intended_is_in_doubt_and_never_goes_twice(
    posting_scene: Scene, sendgrid: SendGridFake, point: str
) -> None:
    posting_scene.town.ana()
    assert posting_scene.worker(point=point) == -9
    assert sendgrid.wait_until_closed()
    posting_scene.settle()
    assert posting_scene.town.send("welcome").state == State.IN_DOUBT
    assert not posting_scene.verdict().lost
    posting_scene.town.later(hours=6).tick()
    assert posting_scene.town.send("welcome").state == State.UNKNOWN
    verdict = posting_scene.verdict()
    assert (verdict.doubled, verdict.lost) == ({}, [])
    reached = point not in ("after intent", "before the call")
    assert posting_scene.log().total() == int(reached)


def kill_at_random(scene: Scene, *, kills: int, seed: int, **rest: Any) -> int:
    """Workers die after a few steps each, or after a few milliseconds; returns how many did."""
    dice, died = random.Random(seed), 0
    for number in range(kills):
        if number % 2:
            died += scene.worker(countdown=dice.randint(1, 60), concurrency=4, **rest) == -9
        else:
            died += scene.worker(milliseconds=dice.uniform(5, 250), concurrency=4, **rest) == -9
        scene.town.later(seconds=61)
    return died


@pytest.mark.timeout(60 + KILLS * 4)
def test_killed_again_and_again_with_the_outbox_nothing_is_lost_or_doubled(scene: Scene) -> None:
    scene.town.people(40)
    died = kill_at_random(scene, kills=KILLS, seed=1)
    assert died >= KILLS // 4
    scene.settle()
    verdict = scene.verdict()
    assert (verdict.doubled, verdict.lost) == ({}, [])
    states = Counter(send.state for send in scene.town.sends("welcome"))
    # Three deaths in a row over one email, and it counts as poison, innocent or not.
    assert set(states) <= {State.ACCEPTED, State.DEAD}
    assert states[State.ACCEPTED] == len(scene.log()) >= 36


@pytest.mark.timeout(60 + KILLS * 4)
def test_killed_again_and_again_with_sendgrid_nothing_is_lost_or_doubled(
    posting_scene: Scene, sendgrid: SendGridFake
) -> None:
    posting_scene.town.people(40)
    died = kill_at_random(posting_scene, kills=KILLS, seed=2)
    assert died >= KILLS // 4
    assert sendgrid.wait_until_closed()
    posting_scene.settle()
    posting_scene.town.later(hours=7).tick()
    verdict = posting_scene.verdict()
    assert (verdict.doubled, verdict.lost) == ({}, [])
    states = Counter(send.state for send in posting_scene.town.sends("welcome"))
    assert set(states) <= {State.ACCEPTED, State.UNKNOWN, State.DEAD}


def test_the_harness_sees_what_a_job_queue_would_do(
    posting_scene: Scene, sendgrid: SendGridFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An expired lease simply goes back: the same harness must find the second copy."""
    monkeypatch.setattr(scheduler.worker, "recover_leases", break_the_rule)
    posting_scene.town.ana()
    assert posting_scene.worker(point="after the answer", broken=True) == -9
    assert sendgrid.wait_until_closed()
    posting_scene.settle()
    assert list(posting_scene.verdict().doubled.values()) == [2]


def test_the_harness_sees_an_email_that_nobody_looks_after(scene: Scene) -> None:
    scene.town.ana()
    assert scene.worker(point="after intent") == -9
    scene.town.later(seconds=61)
    assert scene.verdict().lost == ["welcome is sending: nobody holds it"]
