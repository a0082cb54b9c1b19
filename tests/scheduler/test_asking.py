"""Nobody's mailbox is asked for a yes too often, however its address is spelled and whoever asks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import select
from town import SEQUENCE, Town

from runup.database import Database
from scheduler import Send, State
from scheduler.claiming import claim, find_due
from scheduler.draft import Draft
from scheduler.drafting import read_drafts
from scheduler.intending import Verdict, intend
from scheduler.reconcile_many import reconcile_many
from subscribers import Subscriber

GAPS = {SEQUENCE: timedelta(hours=18)}
SPELLINGS = ("victim", "victim+1", "victim+two", "VICTIM+3", "victim+4")


def asked(town: Town, *names: str) -> None:
    for name in names:
        town.stranger("x", email=f"{name}@example.com")


def moments(town: Town) -> list[int]:
    """When requests left, in minutes from the first."""
    with town.database.read() as session:
        left = session.scalars(
            select(Send.left_at).where(Send.asks_consent, Send.left_at.is_not(None)).order_by(Send.left_at)
        ).all()
    return [round((at - left[0]).total_seconds() / 60) for at in left if at and left[0]]


def test_plus_signs_do_not_make_a_mailbox_many(town: Town) -> None:
    asked(town, *SPELLINGS)
    for _ in range(8):
        town.tick()
        town.later(minutes=5)
    assert moments(town) == [0, 10, 20], "three a day, ten minutes apart"
    town.stranger("somebody", email="somebody.else@example.com")
    town.tick()
    assert len(moments(town)) == 4, "nobody else has to wait"


def test_a_later_spelling_is_planned_for_when_it_may_leave(town: Town) -> None:
    asked(town, "victim")
    town.tick()
    asked(town, "victim+1")
    (waiting,) = [send for send in town.sends("confirm") if send.state == State.PLANNED]
    assert waiting.due_at == town.now + timedelta(minutes=10)


def test_a_later_spelling_keeps_the_distance_also_when_many_are_planned_at_once(town: Town) -> None:
    asked(town, "victim", "somebody")
    town.tick()
    asked(town, "victim+1", "somebody.else")
    alone = town.snapshot()
    with town.write() as session:
        everybody = session.scalars(select(Subscriber.id)).all()
        assert reconcile_many(session, everybody, catalog=town.catalog, now=town.now) == 4
    assert town.snapshot() == alone
    waiting = [send.due_at for send in town.sends("confirm") if send.state == State.PLANNED]
    assert waiting == [town.now, town.now + timedelta(minutes=10)]


def test_two_workers_with_one_spelling_each_ask_once(town: Town, reopen: Callable[[], Database]) -> None:
    asked(town, "victim", "victim+1")
    verdicts = []
    drafts: list[list[Draft]] = []
    with town.write() as session:
        ids = [due.send_id for due in find_due(session, most=10, now=town.now, campaigns=GAPS)]
        assert len(ids) == 2
        for number, send_id in enumerate(ids):
            claim(session, [send_id], token=f"worker {number}", now=town.now)
            drafts.append(read_drafts(session, [send_id], catalog=town.catalog))
    for number, held in enumerate(drafts):
        with reopen().write() as session:
            verdict: Verdict = intend(session, held, token=f"worker {number}", gaps=GAPS, now=town.now)
            verdicts.append(verdict)
    assert [len(verdict.passed) for verdict in verdicts] == [1, 0]
    assert list(verdicts[1].close.values()) == [town.now + timedelta(minutes=10)]
