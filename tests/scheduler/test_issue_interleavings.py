"""A goodbye, a pause and a cancel around the intent of an issue's send, on two connections: before the intent
they are seen, after it one email is on the wire, and nobody waits for ever."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from interleaving import AFTER_THE_INTENT, HeldDatabase, Meeting, held
from letters import how_far, reader, scheduled
from sqlalchemy import select
from sqlalchemy.orm import Session
from town import Town

from campaigns import Catalog
from delivery import OutboxConfig, open_provider
from scheduler import State, issues
from scheduler.invariants import violations
from scheduler.issue_sends import expand
from scheduler.tending import begin
from subscribers import Subscriber, leave_list

ISSUE = 1
SOME_POINTS = (
    "before claim commit",
    "after claim",
    "while rendering",
    "before the intent is written",
    "before intent commit",
    "before the call",
)


def leaves_the_list(session: Session, town: Town, _: object) -> None:
    kiri = session.scalars(select(Subscriber)).one()
    leave_list(session, kiri, "weekly", now=town.now)
    town.reconcile(session, kiri.id)


def is_canceled(session: Session, town: Town, _: object) -> None:
    issues.cancel(session, ISSUE, now=town.now)


def is_paused(session: Session, town: Town, _: object) -> None:
    issues.pause(session, ISSUE, now=town.now)


@dataclass
class Morning:
    """Kiri's issue is due; a worker has one connection, whoever acts another."""

    town: Town
    mine: HeldDatabase
    other: HeldDatabase


@pytest.fixture
def morning(database_url: str, catalog: Catalog, outbox: Path) -> Iterator[Morning]:
    mine, other = HeldDatabase(database_url), HeldDatabase(database_url)
    town = Town(database=other, catalog=catalog, provider=open_provider(OutboxConfig(folder=outbox)))
    reader(town, "kiri")
    assert scheduled(town) == ISSUE
    with town.write() as session:
        begin(session, ISSUE, now=town.now)
        expand(session, ISSUE, now=town.now)
    yield Morning(town, mine, other)
    town.close()
    mine.close()
    other.close()


@pytest.mark.parametrize("point", SOME_POINTS)
@pytest.mark.parametrize("act", [leaves_the_list, is_canceled, is_paused], ids=lambda act: act.__name__)
def test_whatever_happens_wherever_an_issue_is(
    morning: Morning, act: Callable[[Session, Town, object], None], point: str
) -> None:
    town = morning.town
    meeting = Meeting(town, morning.other, None, point, act)  # type: ignore[arg-type]  # nobody has an interview
    with held(town, morning.mine, meeting) as provider:
        if meeting.was_first and point not in AFTER_THE_INTENT:
            assert provider.letters == [], "it was seen"
        at_once = list(provider.letters)
        assert len(at_once) <= 1
        town.later(seconds=5).tick(provider=provider)
        town.later(hours=2).tick(provider=provider)
    assert provider.letters == at_once, "nothing more after that"
    told = how_far(town, ISSUE)
    assert (told.readers, told.in_doubt) == (1, 0)
    assert told.arrived == len(at_once)
    if act is not is_paused:
        assert told.waiting == 0
    with town.database.read() as session:
        assert not violations(session)
    assert all(send.state != State.CLAIMED for send in town.sends())
