"""What `simulate` does in memory is what real workers do with real rows, send by send."""

from __future__ import annotations

import os
import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from real_lives import real_town

from campaigns import Catalog
from campaigns.scaffolding import patterns, scaffold
from runup.crowd import Course, run
from runup.population import population
from runup.simulation import Act, Actor, Life, Outage, play
from runup.totals import Tally
from scheduler import Composer, Send, Sender
from subscribers import Links

MANY = int(os.environ.get("RUNUP_REHEARSED_PEOPLE", "20"))
START = datetime(2026, 11, 23, tzinfo=UTC)
UNTIL = START + timedelta(days=150)
OUTAGES = (
    Outage(START + timedelta(days=5, hours=8), START + timedelta(days=6, hours=15)),
    Outage(START + timedelta(days=9, hours=7), START + timedelta(days=9, hours=7, minutes=25)),
    Outage(START + timedelta(days=9, hours=7, minutes=25), START + timedelta(days=9, hours=8)),
)
KEPT = ("step", "occasion", "occurrence", "state", "reason", "detail", "merged", "due_at", "expires_at",
        "left_at", "local_at", "zone", "waits_for_gap", "counts_for_gap", "needs_consent")  # fmt: skip


def told(sends: Iterable[Send]) -> list[dict[str, Any]]:
    return [{name: str(getattr(send, name) or "") for name in KEPT} for send in sends]


def restless(lives: Iterable[Life], *, seed: int) -> Iterator[Life]:
    """The same people, some of whom also leave, call off and take up again, or move twice."""
    chance = random.Random(seed)
    for life in lives:
        later: list[tuple[datetime, Act]] = []
        at = life.joins_at + timedelta(days=chance.random() * 20)
        match chance.randrange(6):
            case 0:
                later = [(at, leave)]
            case 1:
                day = life.form.held_on + timedelta(days=chance.randrange(12))
                later = [(at, call_off), (at + timedelta(hours=chance.randrange(60)), partial(move, day))]
        yield replace(life, acts=(*life.acts, *later))


def leave(someone: Actor, now: datetime) -> None:
    someone.unsubscribe(now)


def call_off(someone: Actor, now: datetime) -> None:
    someone.cancel(now)


def move(day: Any, someone: Actor, now: datetime) -> None:
    someone.move(day, now)


@pytest.mark.timeout(60 + 5 * MANY)
@pytest.mark.parametrize("outages", [(), OUTAGES], ids=["always at work", "with outages"])
def test_a_rehearsed_life_is_the_real_one_send_by_send(tmp_path: Path, outages: tuple[Outage, ...]) -> None:
    seed = len(outages)
    everybody = restless(population(MANY // 2, start=START, seed=seed), seed=seed)
    lives = sorted(everybody, key=lambda life: life.joins_at)
    with real_town(tmp_path, campaign="second_interview", start=START, outages=outages) as town:
        real = town.live(lives, until=UNTIL)
    sequence, tally = Catalog().sequence("second_interview"), Tally()
    for number, (life, sends) in enumerate(zip(lives, real, strict=True), start=1):
        played = play(life, number, sequence, write=lambda *_: "", until=UNTIL, outages=outages)
        assert told(played.rehearsal.sends) == told(sends), life
        tally.add(played)
    stops = tally.totals([step.key for step in sequence.steps]).stops
    assert [stop.split("Z,")[0] for stop in stops] == [f"on {at:%Y-%m-%d %H:%M}" for at in town.stops]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shelf")


@pytest.fixture(scope="module")
def small(shelf: Path) -> Course:
    """A campaign of four steps, whose eve cannot be written for those who are called on the phone."""
    scaffold(patterns(Catalog())["minimal"], shelf / "small", name="Small")
    body = shelf / "small" / "eve" / "body.txt"
    broken = "{{ 1 // (0 if interview.mode == 'phone' else 1) }}"
    body.write_text(body.read_text("utf-8").replace("The first thing.", broken), "utf-8")
    catalog = Catalog(folder=shelf)
    composer = Composer(
        catalog=catalog,
        links=Links(("k" * 40,), "http://127.0.0.1"),
        brand=catalog.brand,
        sender=Sender(address="hello@example.com", name="runup"),
    )
    return Course(sequence=catalog.sequence("small"), composer=composer, until=UNTIL)


def test_however_many_processes_live_it_the_crowd_is_the_same(small: Course) -> None:
    lives = list(population(450, start=START, seed=3))
    alone, together = run(small, lives), run(replace(small, processes=2), lives)
    assert alone == together
    assert alone.tally.people == 450
    assert 0 < alone.written < sum(alone.tally.left.values()) / 2


def test_words_that_cannot_be_written_for_some_end_as_they_would_for_real(
    small: Course, shelf: Path, tmp_path: Path
) -> None:
    lives = sorted(population(8, start=START, seed=6), key=lambda life: life.joins_at)
    with real_town(tmp_path, campaign="small", start=START, templates=shelf) as town:
        real = [send for sends in town.live(lives, until=UNTIL) for send in sends]
    result = run(small, lives)
    by_reason = {(send.step, send.reason) for send in real if not send.left_at}
    assert ("eve", "render_error") in by_reason
    assert set(result.tally.not_sent) == by_reason
    assert sum(result.tally.left.values()) == sum(send.left_at is not None for send in real)
    assert list(result.broken) == ["eve"]
