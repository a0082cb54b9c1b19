"""The fault matrix, where there are too many: schedulers without their lock, eight workers, thirty-two."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

import pytest
from sendgrid_fake import SendGridFake
from town import Town
from twins import add_twins

from runup.database import Database
from scheduler import State, Worker


def crowd(town: Town, reopen: Callable[[], Database], *, workers: int, emails: int) -> None:
    """They begin together, each on connections of its own, as processes would without a lock."""
    first = town.person("first")
    with town.write() as session:
        names = [f"person{number}" for number in range(emails - 1)]
        add_twins(session, first, names, step="welcome", now=town.now)
    start = threading.Barrier(workers)
    made = [town.worker(database=reopen(), concurrency=2) for _ in range(workers)]
    errors: list[BaseException] = []

    def work(worker: Worker) -> None:
        start.wait(60)
        try:
            worker.tick()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(worker,)) for worker in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not errors


def assert_each_left_once(town: Town, sendgrid: SendGridFake, emails: int) -> None:
    town.later(seconds=2).tick(concurrency=4)
    copies = Counter(accept.mid for accept in sendgrid.accepted)
    assert (len(copies), set(copies.values())) == (emails, {1})
    assert {send.state for send in town.sends("welcome")} == {State.ACCEPTED}


@pytest.mark.parametrize("workers", [2, 8])
def test_schedulers_without_their_lock_send_everything_once(
    posting_town: Town, sendgrid: SendGridFake, reopen: Callable[[], Database], workers: int
) -> None:
    crowd(posting_town, reopen, workers=workers, emails=60)
    assert_each_left_once(posting_town, sendgrid, 60)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_thirty_two_workers_on_postgresql_send_everything_once(
    posting_town: Town, sendgrid: SendGridFake, reopen: Callable[[], Database]
) -> None:
    crowd(posting_town, reopen, workers=32, emails=150)
    assert_each_left_once(posting_town, sendgrid, 150)
