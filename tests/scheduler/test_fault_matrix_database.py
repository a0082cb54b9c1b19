"""The fault matrix, where the database fails: at every statement and commit of a tick, and at the plug."""

from __future__ import annotations

import shutil
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from nth_fault import How, the_nth_fails
from sendgrid_fake import SendGridFake
from sqlalchemy import event, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from town import Town

from delivery import Accepted, Email
from runup.database import Database
from scheduler import Attempt, Journal, Send, State
from scheduler.invariants import violations

MOST = 80
"""More statements than one email ever takes."""


def sweep(town: Town, how: How, *, dies: bool, journal: Journal) -> int:
    """Ana's welcome, and Ben's, and so on: each with a failure one step later. Returns how many steps there
    were. A worker that dies is followed by another when its lease has ended."""
    worker = town.worker(journal=journal)
    for n in range(1, MOST):
        town.person(f"person{n}")
        town.later(seconds=1)
        with the_nth_fails(town.database, n, how) as fault, suppress(SQLAlchemyError):
            worker.tick()
        if dies:
            town.workers.remove(worker)
            town.later(seconds=61)
            worker = town.worker(journal=journal)
        town.later(seconds=2)
        worker.tick()
        if not fault.has_failed:
            # A claim whose commit arrived unknown to its worker ends with its lease.
            town.later(seconds=61)
            worker.tick()
            return n
    raise AssertionError("it never ends")


@pytest.mark.timeout(240)
@pytest.mark.parametrize("dies", [False, True], ids=["the worker lives", "the worker dies of it"])
@pytest.mark.parametrize("how", How, ids=lambda how: how.name.lower())
def test_a_database_error_at_any_step_of_a_tick_loses_and_doubles_nothing(
    posting_town: Town, sendgrid: SendGridFake, tmp_path: Path, how: How, dies: bool
) -> None:
    steps = sweep(posting_town, how, dies=dies, journal=Journal(tmp_path / "journal"))
    assert steps >= (3 if how in (How.COMMIT, How.COMMIT_UNKNOWN) else 10)
    copies = Counter(accept.mid for accept in sendgrid.accepted)
    welcomes = posting_town.sends("welcome")
    assert len(welcomes) == steps
    assert {send.state for send in welcomes} <= {State.ACCEPTED, *({State.IN_DOUBT} if dies else ())}
    # In doubt only what died between its intent and its call, and that was never taken.
    assert {send.reference: 1 for send in welcomes if send.state == State.ACCEPTED} == copies
    assert sum(send.state == State.IN_DOUBT for send in welcomes) <= steps // 3
    with posting_town.database.read() as session:
        assert not violations(session)


def test_no_call_without_an_intent_that_is_durable(posting_town: Town, sendgrid: SendGridFake) -> None:
    """Whichever commit fails before the call: SendGrid has not been asked."""
    posting_town.ana()
    for n in range(1, MOST):
        with the_nth_fails(posting_town.database, n, How.COMMIT) as fault, suppress(SQLAlchemyError):
            posting_town.tick()
        if sendgrid.requests or not fault.has_failed:
            break
        assert not posting_town.sends(state=State.SENDING)
        posting_town.later(seconds=61)
    assert n >= 3, "the sign of life, the claim, the intent"
    assert posting_town.send("welcome").attempts == 1


def test_a_claim_whose_commit_nobody_heard_of_is_no_death(posting_town: Town, sendgrid: SendGridFake) -> None:
    """Four times in a row; three deaths over an email would end it."""
    posting_town.ana()
    worker = posting_town.worker()
    for _ in range(4):
        for n in range(1, MOST):
            with the_nth_fails(posting_town.database, n, How.COMMIT_UNKNOWN), suppress(SQLAlchemyError):
                worker.tick()
            if posting_town.send("welcome").state == State.CLAIMED:
                break
            assert not sendgrid.requests
        posting_town.later(seconds=2)
    worker.tick()
    assert posting_town.send("welcome").state == State.ACCEPTED
    assert len(sendgrid.accepted) == 1


# -- power loss ----------------------------------------------------------------------------------------------


class Cut:
    """The plug is pulled while the call is made: `look` sees what would be there afterwards."""

    name = "sendgrid"

    def __init__(self, town: Town, look: Any) -> None:
        self.town, self.look = town, look

    def deliver(self, email: Email) -> Accepted:
        self.look()
        return self.town.provider.deliver(email)

    def close(self) -> None:
        """The provider is the town's."""


def test_every_intent_survives_a_power_loss_before_its_call(posting_town: Town, tmp_path: Path) -> None:
    """SQLite: what the disk holds at that instant, opened again. PostgreSQL: its log was flushed as far as
    the intent's last change before the provider is called."""
    posting_town.ana()
    database = posting_town.database
    look = OnTheDisk(database, tmp_path) if database.is_sqlite else Flushed(database)
    posting_town.tick(provider=Cut(posting_town, look))
    assert look.saw == [("sending", 1)]


class OnTheDisk:
    """The file and its log are copied, without the memory that the processes share."""

    def __init__(self, database: Database, folder: Path) -> None:
        assert database.file
        self.file, self.copy = database.file, folder / "after" / "runup.db"
        self.copy.parent.mkdir()
        self.saw: list[tuple[str, int]] = []
        with database.read() as session:
            assert session.scalar(text("PRAGMA synchronous")) == 2, "FULL: a commit waits for the disk"

    def __call__(self) -> None:
        for end in ("", "-wal"):
            shutil.copy(f"{self.file}{end}", f"{self.copy}{end}")
        after = Database(f"sqlite:///{self.copy}")
        with after.read() as session:
            assert session.scalar(text("PRAGMA integrity_check")) == "ok"
            self.saw += intents(session)
        after.close()


class Flushed:
    """How far the log was written when the intent's transaction had made its changes."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.saw: list[tuple[str, int]] = []
        self._position = "0/0"
        self._is_intent = False
        event.listen(database.engine, "after_cursor_execute", self._note)
        with database.read() as session:
            assert session.scalar(text("SHOW synchronous_commit")) == "on"

    def _note(self, connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("INSERT INTO attempt"):
            self._position = connection.exec_driver_sql("SELECT pg_current_wal_insert_lsn()").scalar()

    def __call__(self) -> None:
        with self.database.read() as session:
            flushed = text("SELECT pg_current_wal_flush_lsn() >= CAST(:position AS pg_lsn)")
            assert self._position != "0/0"
            assert session.scalar(flushed, {"position": self._position})
            self.saw += intents(session)


def intents(session: Session) -> list[tuple[str, int]]:
    rows = session.query(Send.state, Attempt.number).join(Attempt, Attempt.send_id == Send.id)
    return [(state, number) for state, number in rows]
