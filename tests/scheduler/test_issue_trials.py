"""An issue goes to a first part of its readers in two ways, and to all the others as it was decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest
from letters import WEEKLY, crowd
from sqlalchemy import select
from town import BRAND, Town

from campaigns import Catalog
from campaigns.issue_file import read_issue
from campaigns.issue_words import compile_issue
from campaigns.newsletter import NewsletterIssue
from campaigns.trial import Trial
from campaigns.trial_table import trial_of
from delivery import OutboxConfig, open_provider
from delivery.inbox import read_outbox
from runup.database import Database
from scheduler import Send
from scheduler.issue_trials import AFTERWARDS, judge_issues
from scheduler.issues import approve, schedule
from scheduler.reaction import Reaction, ReactionKind
from scheduler.trial_sends import TrialSend
from scheduler.trials import decide, decisions

PLAIN, QUESTION = "One thing", "One thing?"
TEXT = """+++
subject = "One thing"
variants = [{ key = "plain" }, { key = "question", subject = "One thing?" }]
decide = { by = "clicks", within = "4h"FIRST }
+++

# One thing

Ask what happened.
"""
FOUR_HOURS = timedelta(hours=4)


@cache
def words(folder: Path, first: str) -> str:
    (folder / "weekly").mkdir(exist_ok=True)
    (folder / "weekly" / "one.md").write_text(TEXT.replace("FIRST", first), "utf-8")
    return compile_issue(read_issue(folder, "weekly", "one"), list_name=WEEKLY.name, brand=BRAND).words


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("newsletters")


@pytest.fixture
def small(sqlite_url: str, catalog: Catalog, outbox: Path) -> Iterator[Town]:
    database = Database(sqlite_url)
    made = Town(database=database, catalog=catalog, provider=open_provider(OutboxConfig(folder=outbox)))
    yield made
    made.close()
    database.close()


@dataclass
class Trying:
    town: Town
    outbox: Path
    issue_id: int

    @property
    def left(self) -> dict[int, str]:
        """Which subject left to whom."""
        with self.town.database.read() as session:
            rows = session.execute(select(Send.reference, Send.subscriber_id))
            people = {row.reference: row.subscriber_id for row in rows}
        return {people[one.reference]: one.subject for one in read_outbox(self.outbox)}

    @property
    def written(self) -> dict[int, tuple[str, bool]]:
        with self.town.database.read() as session:
            found = select(Send.subscriber_id, TrialSend.variant, TrialSend.is_split)
            rows = session.execute(found.join(TrialSend, TrialSend.send_id == Send.id))
            return {row.subscriber_id: (row.variant, row.is_split) for row in rows}

    @property
    def trial_id(self) -> int:
        with self.town.database.read() as session:
            return session.scalars(select(Trial.id)).one()

    def click(self, subject: str) -> None:
        """Everybody who has it under this subject clicks half an hour later."""
        with self.town.write() as session:
            for person in [person for person, told in self.left.items() if told == subject]:
                send = session.scalars(select(Send).where(Send.subscriber_id == person)).one()
                assert send.left_at
                at = send.left_at + timedelta(minutes=30)
                session.add(Reaction(send_id=send.id, kind=ReactionKind.CLICKED, at=at, machine=""))


def begin(town: Town, shelf: Path, outbox: Path, *, first: str = ", first = 50", people: int = 40) -> Trying:
    crowd(town, people)
    with town.write() as session:
        made = NewsletterIssue(
            list_key="weekly", slug="one", subject=PLAIN, words=words(shelf, first), created_at=town.now
        )
        session.add(made)
        session.flush()
        approve(session, made.id, now=town.now)
        schedule(session, made.id, now=town.now, at=town.now)
        number = made.id
    town.tick()
    return Trying(town, outbox, number)


def test_the_others_wait_and_get_the_winner(town: Town, shelf: Path, outbox: Path) -> None:
    trying = begin(town, shelf, outbox)
    first = trying.left
    assert 12 <= len(first) <= 28
    assert set(first.values()) == {PLAIN, QUESTION}
    assert {
        person: (QUESTION if key == "question" else PLAIN) for person, (key, _) in trying.written.items()
    } == first
    began = town.now
    trying.click(QUESTION)
    town.later(hours=4).tick()
    assert len(trying.left) == len(first), "the others wait"
    town.now = began + FOUR_HOURS + AFTERWARDS
    town.tick()
    later = {person: told for person, told in trying.left.items() if person not in first}
    assert (len(later) + len(first), set(later.values())) == (40, {QUESTION})
    assert {trying.written[person] for person in later} == {("question", False)}
    with town.database.read() as session:
        (made,) = decisions(session, trying.trial_id)
        assert (made.variant, made.decided_by) == ("question", "")
        assert session.get_one(NewsletterIssue, trying.issue_id).state == "sending"


def test_where_nothing_is_shown_the_others_get_it_as_it_is_written(
    small: Town, shelf: Path, outbox: Path
) -> None:
    trying = begin(small, shelf, outbox)
    first = trying.left
    small.now += FOUR_HOURS + AFTERWARDS
    small.tick()
    later = {told for person, told in trying.left.items() if person not in first}
    assert later == {PLAIN}
    assert all(not is_split for person, (_, is_split) in trying.written.items() if person not in first)


def test_an_operator_s_word_is_for_those_to_whom_it_has_not_left(
    small: Town, shelf: Path, outbox: Path
) -> None:
    trying = begin(small, shelf, outbox)
    first = trying.left
    found = trial_of(words(shelf, ", first = 50"))
    assert found
    with small.write() as session:
        decide(session, trying.trial_id, found.rule, "question", by="maria", now=small.now)
    small.now += FOUR_HOURS + AFTERWARDS
    small.tick()
    assert {told for person, told in trying.left.items() if person not in first} == {QUESTION}
    with small.database.read() as session:
        assert [one.decided_by for one in decisions(session, trying.trial_id)] == ["maria"]


def test_a_worker_that_was_away_decides_before_the_others_leave(
    small: Town, shelf: Path, outbox: Path
) -> None:
    trying = begin(small, shelf, outbox)
    first = trying.left
    trying.click(QUESTION)
    small.later(hours=9).tick()
    assert {told for person, told in trying.left.items() if person not in first} == {QUESTION}


def test_without_a_first_part_everybody_has_theirs_at_once_and_it_is_judged_all_the_same(
    small: Town, shelf: Path, outbox: Path
) -> None:
    trying = begin(small, shelf, outbox, first="")
    counts = Counter(trying.left.values())
    assert counts.total() == 40
    assert min(counts.values()) > 8
    trying.click(QUESTION)
    assert judge_issues(small.database, now=small.now + FOUR_HOURS) == 0
    assert judge_issues(small.database, now=small.now + FOUR_HOURS + AFTERWARDS) == 1
    with small.database.read() as session:
        (made,) = decisions(session, trying.trial_id)
        assert made.variant == "question"
