"""What many visitors want written in the same moment."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import httpx
import pytest
from sqlalchemy import event, func, select
from starlette.exceptions import HTTPException

from runup.application import Application
from runup.web import gathering
from runup.web.gathering import Gathering
from scheduler import Send, State
from subscribers import Consent, Interview, Subscriber


class NoPaper(Exception):
    """Nobody's own fault."""


class Notary:
    """Writes down what is brought; waits with the first of it until told."""

    def __init__(self) -> None:
        self.written: list[list[str]] = []
        self.began, self.may_write = Event(), Event()

    def write(self, together: Sequence[str]) -> None:
        self.began.set()
        assert self.may_write.wait(10)
        if "no paper" in together:
            raise NoPaper
        if "nonsense" in together:
            raise ValueError("nonsense")
        self.written.append(list(together))

    async def take(self, office: Gathering[str], *things: str) -> list[BaseException | None]:
        """One comes first; the others while that one is being written down."""
        first = asyncio.create_task(office.add("first"))
        assert await asyncio.to_thread(self.began.wait, 10)
        others = [asyncio.create_task(office.add(thing)) for thing in things]
        await asyncio.sleep(0)
        self.may_write.set()
        return await asyncio.gather(first, *others, return_exceptions=True)


@pytest.fixture
def notary() -> Notary:
    return Notary()


def test_who_comes_while_the_pen_is_busy_is_written_down_with_the_others(notary: Notary) -> None:
    office = Gathering(notary.write, patience=0)
    assert asyncio.run(notary.take(office, "ana", "kiri", "sam")) == [None] * 4
    assert notary.written == [["first"], ["ana", "kiri", "sam"]]


def test_nobody_fails_for_a_neighbor(notary: Notary) -> None:
    office = Gathering(notary.write, patience=0)
    *fine, nonsense = asyncio.run(notary.take(office, "ana", "kiri", "nonsense"))
    assert fine == [None] * 3
    assert isinstance(nonsense, ValueError)
    assert notary.written == [["first"], ["ana"], ["kiri"]]


def test_what_is_wrong_with_all_is_not_tried_for_each(notary: Notary) -> None:
    office = Gathering(notary.write, patience=0, common=(NoPaper,))
    first, *others = asyncio.run(notary.take(office, "ana", "no paper", "sam"))
    assert first is None
    assert all(isinstance(each, NoPaper) for each in others)
    assert notary.written == [["first"]]


def test_the_office_opens_again_after_everybody_has_gone_home(notary: Notary) -> None:
    office = Gathering(notary.write, patience=0)
    notary.may_write.set()
    for name in ("ana", "kiri", "sam"):
        asyncio.run(office.add(name))  # each in a loop of its own, as any server may have it
    assert notary.written == [["ana"], ["kiri"], ["sam"]]


def test_who_leaves_before_their_turn_is_written_down_all_the_same(notary: Notary) -> None:
    office = Gathering(notary.write, patience=0)

    async def leave() -> None:
        first = asyncio.create_task(office.add("first"))
        assert await asyncio.to_thread(notary.began.wait, 10)
        ana, sam = (asyncio.create_task(office.add(name)) for name in ("ana", "sam"))
        await asyncio.sleep(0)
        ana.cancel()
        notary.may_write.set()
        await asyncio.gather(first, sam)
        with pytest.raises(asyncio.CancelledError):
            await ana

    asyncio.run(leave())
    assert notary.written == [["first"], ["ana", "sam"]]


def test_a_crowd_too_long_to_be_served_in_time_is_told_at_once(
    notary: Notary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "MOST_WAITING", 2)
    office = Gathering(notary.write, patience=0)
    *written, refused = asyncio.run(notary.take(office, "ana", "kiri", "sam"))
    assert written == [None] * 3
    assert isinstance(refused, HTTPException)
    assert refused.status_code == 503
    assert notary.written == [["first"], ["ana", "kiri"]]


def test_thirty_people_in_one_moment_are_planned_each_in_far_fewer_transactions(
    application: Application, base_url: str
) -> None:
    commits: list[object] = []
    note = commits.append
    event.listen(application.database.engine, "commit", note)

    def sign_up(number: int) -> int:
        fields = {
            "email": f"person{number}@example.com",
            "interview_date": "2026-12-04",
            "home_zone": "Europe/Berlin",
            "consent": True,
        }
        return http.post("/api/sign-ups", json=fields).status_code

    with (
        httpx.Client(base_url=base_url, trust_env=False, timeout=60) as http,
        ThreadPoolExecutor(30) as threads,
    ):
        assert list(threads.map(sign_up, range(30))) == [202] * 30
    event.remove(application.database.engine, "commit", note)
    assert len(commits) < 25
    with application.database.read() as session:
        for model in (Subscriber, Interview, Consent):
            assert session.scalar(select(func.count()).select_from(model)) == 30
        asked = select(Send.subscriber_id).where(Send.step == "confirm", Send.state == State.PLANNED)
        assert len(set(session.scalars(asked))) == len(session.scalars(asked).all()) == 30
        late = select(func.count()).where(Subscriber.epoch != Subscriber.planned_epoch)
        assert session.scalar(late) == 0
