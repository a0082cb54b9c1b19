"""Readers brought in by the thousand: planned together, and nobody else's email waits for them."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from letters import crowd, join, reader, scheduled
from sqlalchemy import func, select, update
from town import Town

from delivery import Accepted, Email
from scheduler import Send
from scheduler.replanning import Replanner
from subscribers import Subscriber


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One database is enough here."""
    return sqlite_url


def replanner(town: Town, **changes: Any) -> Replanner:
    values: dict[str, Any] = {"stopwatch": lambda: town.now.timestamp()} | changes
    return Replanner(
        database=town.database, catalog=town.catalog, clock=lambda: town.now, stopping=lambda: False, **values
    )


def forget_plans(town: Town) -> None:
    """As an import leaves people: nobody has looked at them yet."""
    with town.write() as session:
        session.execute(update(Subscriber).values(planned_epoch=-1))


def unplanned(town: Town) -> int:
    with town.database.read() as session:
        found = select(func.count()).where(Subscriber.planned_epoch != Subscriber.epoch)
        return session.scalar(found) or 0


def test_readers_of_a_newsletter_need_no_look_one_by_one(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    crowd(town, 60)
    forget_plans(town)
    monkeypatch.setattr("scheduler.reconcile_many.reconcile", lambda *_, **__: pytest.fail("one by one"))
    assert replanner(town).out_of_date() == (60, False)
    assert unplanned(town) == 0


def test_many_at_once_come_to_what_each_alone_would(town: Town) -> None:
    town.stranger("kiri")
    ana = town.ana()
    join(town, ana.subscriber_id)
    reader(town, "sam")
    scheduled(town, at=town.now.replace(hour=15))
    town.tick()
    before = rows(town)
    assert {step for _, step, *_ in before} >= {"confirm", "welcome", "day_before"}
    forget_plans(town)
    planned, _ = replanner(town).out_of_date()
    assert (planned, unplanned(town)) == (3, 0)
    assert rows(town) == before


def rows(town: Town) -> list[tuple[Any, ...]]:
    with town.database.read() as session:
        told = (Send.subscriber_id, Send.step, Send.state, Send.reason, Send.due_at, Send.ready_at)
        return [tuple(row) for row in session.execute(select(*told).order_by(Send.id))]


def test_planning_ends_when_its_time_is_up_and_goes_on_where_it_was(town: Town) -> None:
    crowd(town, 90)
    forget_plans(town)
    seconds = count()
    slow = replanner(town, stopwatch=lambda: float(next(seconds)))
    done, are_left = slow.out_of_date(seconds=2)
    assert (0 < done < 90, are_left) == (True, True)
    while are_left:
        more, are_left = slow.out_of_date(seconds=2)
        done += more
    assert (done, unplanned(town)) == (90, 0)


class Watching:
    """Takes everything, and remembers how many were not planned yet when the first email came."""

    name = "watching"

    def __init__(self, town: Town) -> None:
        self.town = town
        self.unplanned: list[int] = []

    def deliver(self, email: Email) -> Accepted:
        self.unplanned.append(unplanned(self.town))
        return Accepted(message_id=email.reference)

    def close(self) -> None:
        """There is nothing to close."""


def test_an_email_that_is_due_does_not_wait_for_an_import(town: Town) -> None:
    crowd(town, 2_000)
    forget_plans(town)
    town.ana()
    provider, seconds = Watching(town), count(step=0.5)
    town.tick(provider=provider, stopwatch=lambda: float(next(seconds)))
    assert provider.unplanned, "Ana's welcome left"
    assert provider.unplanned[0] > 1_000, "and most readers were still to be looked at"
    assert unplanned(town) == 0, "which the same worker did afterwards"
