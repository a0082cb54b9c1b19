"""A person's own date goes before any newsletter, however long that is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import event, update
from town import SEQUENCE, Town

from delivery import Accepted, Email
from scheduler import Send, State
from scheduler.claiming import NEWSLETTER, PERSONAL, find_due


def newsletter(town: Town, count: int) -> None:
    """`count` emails of a newsletter that are due, as rows; they end before any other email does."""
    people = [interview.subscriber_id for interview in town.people(count)]
    with town.write() as session:
        soon = town.now + timedelta(hours=1)
        session.execute(
            update(Send)
            .where(Send.subscriber_id.in_(people), Send.step == "welcome")
            .values(lane=NEWSLETTER, expires_at=soon)
        )


class InTheMiddle:
    """Somebody signs up during the call number `at`."""

    name = "outbox"

    def __init__(self, town: Town, *, at: int, act: Callable[[], object]) -> None:
        self._provider, self._at, self._act = town.provider, at, act
        self.order: list[str] = []

    def deliver(self, email: Email) -> Accepted:
        self.order.append(email.recipient.partition("@")[0])
        if len(self.order) == self._at:
            self._act()
        return self._provider.deliver(email)

    def close(self) -> None:
        """The provider is the town's."""


def test_the_sequence_goes_before_a_newsletter_that_ends_sooner(town: Town) -> None:
    newsletter(town, 6)
    town.ana()
    provider = InTheMiddle(town, at=0, act=lambda: None)
    town.tick(provider=provider, batch=2)
    assert (provider.order[0], len(provider.order)) == ("ana", 7)


def test_who_signs_up_in_the_middle_of_a_newsletter_waits_for_one_batch(town: Town) -> None:
    newsletter(town, 40)
    provider = InTheMiddle(town, at=7, act=lambda: town.person("kiri"))
    town.tick(provider=provider, batch=5)
    assert len(provider.order) == 41
    assert 7 < provider.order.index("kiri") + 1 <= 7 + 5


def test_a_reminder_that_becomes_due_meanwhile_goes_next(town: Town) -> None:
    """All of the newsletter has been looked up; the clock goes on while it leaves."""
    ana = town.ana()
    town.tick()
    newsletter(town, 30)
    with town.write() as session:
        session.execute(
            update(Send)
            .where(Send.subscriber_id == ana.subscriber_id, Send.step == "details")
            .values(ready_at=town.now + timedelta(minutes=1), waits_for_gap=False)
        )
    provider = InTheMiddle(town, at=6, act=lambda: town.later(minutes=2))
    town.tick(provider=provider, batch=3)
    assert 6 < provider.order.index("ana") + 1 <= 6 + 3 + 1


def test_with_a_rate_too_the_sequence_comes_first(town: Town) -> None:
    newsletter(town, 20)
    provider = InTheMiddle(town, at=4, act=lambda: town.person("sam"))
    worker = town.worker(provider=provider, rate=4, batch=4)
    assert worker.tick().accepted == 4
    town.later(seconds=0.5)
    assert worker.tick().accepted == 2
    assert provider.order.index("sam") == 4


def test_a_lane_is_looked_up_in_its_own_index(town: Town) -> None:
    """With a hundred thousand newsletter emails due, anything else takes half a second a look."""
    newsletter(town, 5)
    statements: list[tuple[str, object]] = []

    def keep(*call: object) -> None:
        statements.append((str(call[2]), call[3]))

    event.listen(town.database.engine, "before_cursor_execute", keep)
    with town.database.read() as session:
        for lane in (PERSONAL, NEWSLETTER):
            find_due(session, most=10, now=town.now, campaigns=[SEQUENCE], lane=lane)
    event.remove(town.database.engine, "before_cursor_execute", keep)
    looks = [call for call in statements if "lane" in call[0]]
    assert len(looks) == 2
    with town.database.engine.connect() as connection:
        if not town.database.is_sqlite:
            connection.exec_driver_sql("SET enable_seqscan = off")
        explain = "EXPLAIN QUERY PLAN " if town.database.is_sqlite else "EXPLAIN "
        for lane, (statement, values) in enumerate(looks):
            plan = connection.exec_driver_sql(explain + statement, values).all()  # type: ignore[arg-type]
            assert f"ix_send_lane_{lane}" in str(plan)


@pytest.mark.parametrize("concurrency", [1, 8])
def test_both_lanes_are_emptied_in_one_tick(town: Town, concurrency: int) -> None:
    newsletter(town, 10)
    town.person("kiri")
    assert town.tick(concurrency=concurrency, batch=4).accepted == 11
    assert len(town.sends("welcome", state=State.ACCEPTED)) == 11
