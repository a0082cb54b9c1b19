"""Many lives through one campaign, over the cores of this machine. Nothing leaves."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import TypeVar

from campaigns import Sequence as Campaign
from delivery.provider import Provider
from runup.proofreading import Branch, Collected, Everything, broken
from runup.simulation import Life, Outage, Played, play
from runup.totals import Tally
from scheduler import Composer
from scheduler.draft import Draft
from scheduler.rehearsal import Write

TOGETHER = 200
"""Lives or emails that a process takes at a time."""
Numbered = list[tuple[int, Life]]
Drafts = dict[Branch, tuple[Draft, datetime]]
Bar = AbstractContextManager[Callable[[int], None]]
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Course:
    """What all lives of a simulation share. The same course and lives give the same result, over however many
    processes."""

    sequence: Campaign
    composer: Composer
    until: datetime
    outages: tuple[Outage, ...] = ()
    processes: int = 1

    def play(self, number: int, life: Life, write: Write) -> Played:
        return play(life, number, self.sequence, write=write, until=self.until, outages=self.outages)


@dataclass
class Result:
    tally: Tally = field(default_factory=Tally)
    written: int = 0
    """Emails that were written to see whether they can be: each distinct one, or every one."""
    broken: dict[str, str] = field(default_factory=dict)
    """Steps that cannot be written for somebody, with the first error."""


def run(
    course: Course, lives: Iterable[Life], *, bar: Callable[[], Bar] = lambda: nullcontext(_unwatched)
) -> Result:
    """Live them all, count what comes of it, and write each distinct email once.

    An email that cannot be written ends as it would for real, and everything is lived once more with that
    known. `bar` shows how many have been lived; it is opened when the processes have begun. Raises
    CampaignError when the words cannot be read at all.
    """
    parts = list(_parts(in_order(lives)))
    course.composer.catalog.renderer(course.sequence.key)  # once, and not in every process
    known: dict[Branch, str] = {}
    with _company(course) as company, bar() as advance:
        while True:
            tally, collected = Tally(), Collected(known)
            for part, (counted, drafts) in zip(parts, company.live(parts, known), strict=True):
                tally += counted
                collected.add(drafts)
                advance(len(part))
            found = company.write(collected.drafts)
            if found.keys() <= known.keys():
                return Result(tally, len(collected.drafts), _by_step(known))
            known = known | found


def run_one_by_one(course: Course, lives: Iterable[Life], provider: Provider | None) -> Result:
    """The same with every email written, and given to `provider`."""
    tally, everything = Tally(), Everything(course.composer, provider)
    for number, life in in_order(lives):
        tally.add(course.play(number, life, everything))
    return Result(tally, everything.written, everything.broken)


def in_order(lives: Iterable[Life]) -> Numbered:
    """With their numbers, as a database would give them."""
    return list(enumerate(sorted(lives, key=lambda life: life.joins_at), start=1))


def _unwatched(_: int) -> None:
    pass


def _by_step(known: dict[Branch, str]) -> dict[str, str]:
    return {branch[0]: why for branch, why in reversed(known.items())}


def _parts(items: Sequence[T]) -> Iterator[list[T]]:
    left = iter(items)
    while part := list(islice(left, TOGETHER)):
        yield part


@dataclass
class _Company:
    """Does the work in this process, or in those of `pool`."""

    course: Course
    pool: ProcessPoolExecutor | None = None

    def live(self, parts: list[Numbered], known: dict[Branch, str]) -> Iterator[tuple[Tally, Drafts]]:
        if self.pool is None:
            return (_live(self.course, part, known) for part in parts)
        return self.pool.map(_live_there, parts, [known] * len(parts))

    def write(self, drafts: Drafts) -> dict[Branch, str]:
        parts = [dict(part) for part in _parts(list(drafts.items()))]
        written = (
            (broken(part, self.course.composer) for part in parts)
            if self.pool is None
            else self.pool.map(_write_there, parts)
        )
        return {branch: why for part in written for branch, why in part.items()}


@contextmanager
def _company(course: Course) -> Iterator[_Company]:
    if course.processes < 2 or "fork" not in multiprocessing.get_all_start_methods():
        yield _Company(course)
        return
    fork = multiprocessing.get_context(
        "fork"
    )  # compiled words and conditions come along, and need no pickling
    with ProcessPoolExecutor(course.processes, fork, initializer=_begin, initargs=(course,)) as pool:
        pool.submit(os.getpid).result()  # all of them begin here, before any thread of a bar does
        yield _Company(course, pool)


def _live(course: Course, part: Numbered, known: dict[Branch, str]) -> tuple[Tally, Drafts]:
    tally, collected = Tally(), Collected(known)
    for number, life in part:
        tally.add(course.play(number, life, collected))
    return tally, collected.drafts


_here: list[Course] = []
"""In a process of the pool: its course."""


def _begin(course: Course) -> None:
    _here.append(course)


def _live_there(part: Numbered, known: dict[Branch, str]) -> tuple[Tally, Drafts]:
    return _live(_here[0], part, known)


def _write_there(drafts: Drafts) -> dict[Branch, str]:
    return broken(drafts, _here[0].composer)
