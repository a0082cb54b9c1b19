"""The ports of a worker: its database, its words and its provider, all with faults."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sim_world import World
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from campaigns.rendering import RenderError
from delivery import Accepted, AccountRefused, Email, NotSent, Rejected, Unknown
from runup.database import Database
from scheduler.composing import Composed, Composer
from scheduler.draft import Draft

if TYPE_CHECKING:
    from sim_feed import Feed
    from sim_oracle import Oracle


def lost_connection() -> OperationalError:
    return OperationalError("", None, Exception("the connection was lost"))


def busy() -> OperationalError:
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode = sqlite3.SQLITE_BUSY  # type: ignore[misc]  # read-only to type checkers
    return OperationalError("", None, error)


class PortDatabase(Database):
    """The real database; before and after each of its transactions the world may do something."""

    def __init__(self, real: Database, world: World, oracle: Oracle) -> None:
        self._real, self._world, self._oracle = real, world, oracle
        self.is_sqlite, self.file, self.engine = real.is_sqlite, real.file, real.engine

    @contextmanager
    def write(self) -> Iterator[Session]:
        world, faults = self._world, self._world.faults
        world.at("write")
        if world.is_down("db") or faults.fires("db_before"):
            raise lost_connection()
        if faults.fires("db_busy"):
            raise busy()
        world.in_transaction = True
        try:
            with self._real.write() as session:
                yield session
                if faults.fires("db_rolled_back"):
                    raise lost_connection()
        finally:
            world.in_transaction = False
        self._oracle.committed()
        if faults.fires("db_after"):
            world.note("commit unknown")
            raise lost_connection()
        world.at("written")

    @contextmanager
    def read(self) -> Iterator[Session]:
        world = self._world
        world.at("read")
        if world.is_down("db"):
            raise lost_connection()
        world.in_transaction = True
        try:
            with self._real.read() as session:
                yield session
        finally:
            world.in_transaction = False

    def __repr__(self) -> str:
        return "PortDatabase()"


@dataclass(frozen=True, kw_only=True)
class PortComposer(Composer):
    """The real composer; now and then an email cannot be made."""

    world: World = field(repr=False, compare=False)
    oracle: Any = field(repr=False, compare=False)

    def compose(self, draft: Draft, *, now: datetime) -> Composed:
        self.world.at("compose")
        if self.world.faults.fires("poison"):
            self.oracle.poisoned.add(draft.send_id)
            raise RenderError(draft.campaign, draft.step, "body.txt", 1, "poison")
        return super().compose(draft, now=now)


@dataclass(frozen=True)
class Copy:
    """One email in the provider's hands."""

    reference: str
    attempt: int
    recipient: str
    step: str
    at: float


@dataclass(eq=False)
class PortProvider:
    """A provider whose own log is the truth about what has left."""

    world: World
    oracle: Oracle
    feed: Feed
    name: str = "sendgrid"
    log: list[Copy] = field(default_factory=list)
    in_flight: int = 0

    def deliver(self, email: Email) -> Accepted:
        world, faults, oracle = self.world, self.world.faults, self.oracle
        crew = world.current
        world.at("call")
        oracle.called(email)
        self.in_flight += 1
        try:
            takes = faults.size("slow", 2, 9) if faults.fires("slow") else 0.2
            world.sleep(takes)
            self._refuse(email)
            self._accept(email)
            world.sleep(takes)
        finally:
            self.in_flight -= 1
        world.at("accepted")
        if crew is not None and crew.is_zombie:
            crew.is_zombie = False
        if faults.fires("lost_answer"):
            raise Unknown("the answer was lost")
        if faults.fires("foreign_error"):
            raise ZeroDivisionError("a bug of the provider's")
        return Accepted(message_id=f"m{len(self.log)}", status=202)

    def _refuse(self, email: Email) -> None:
        fires = self.world.faults.fires
        if self.world.is_down("provider"):
            raise NotSent("connection refused")
        if fires("not_sent"):
            raise NotSent("connection refused")
        if fires("rate_limited"):
            raise NotSent(
                "too many requests", status=429, retry_after=self.world.faults.size("rate_limited", 1, 900)
            )
        if fires("rejected"):
            self.oracle.rejected.add(email.reference)
            raise Rejected("bad request", status=400)
        if fires("account"):
            raise AccountRefused("forbidden", status=403)
        if fires("unknown"):
            raise Unknown("connection reset")

    def _accept(self, email: Email) -> None:
        step = email.categories[-1] if email.categories else "canary"
        copy = Copy(email.reference, email.attempt, email.recipient, step, self.world.elapsed)
        self.log.append(copy)
        self.world.note("took", copy.step, copy.attempt)
        self.oracle.accepted(copy)
        self.feed.tell(copy)

    def close(self) -> None:
        """Nothing to give back."""
