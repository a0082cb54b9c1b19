"""Workers that are killed with SIGKILL at a named point of one send; a program of its own.

Reads one JSON command a line: where the database and the provider are, what time it is, and where to die. For
each it forks a real worker process, which inherits the compiled templates, and writes one line when that has
ended. With `"do": "start"` the worker ticks until it is killed, and the line has its pid; `"do": "end"` ends
it. The points are hooks around the worker's ports (transactions, renderer, provider, socket, files); there
are none in the program itself.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from killing import break_the_rule
from shared_clock import SharedClock
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from town import BRAND, composer

import scheduler.worker
from campaigns import Catalog
from delivery import Accepted, Email, OutboxConfig, Provider, SendGridConfig, open_provider
from delivery.providers import outbox
from delivery.sockets import DeadlineSocket
from runup.database import Database
from scheduler import Composer, Journal, Worker
from scheduler.composing import Composed
from scheduler.draft import Draft


class Fate:
    """Strikes the process when `point` has been passed `passes` times and is reached again, or whatever point
    comes `countdown`-th; with SIGKILL, or another signal, once."""

    def __init__(self, point: str, countdown: int, *, passes: int = 0, by: int = int(signal.SIGKILL)) -> None:
        self.point = point
        self.countdown = countdown
        self.passes = passes
        self.by = by

    def reaches(self, point: str) -> None:
        self.countdown -= 1
        self.passes -= point == self.point
        if (point == self.point and self.passes == -1) or self.countdown == 0:
            os.kill(os.getpid(), self.by)


class DoomedDatabase(Database):
    """Knows each transaction by the state it writes."""

    fate: Fate
    written = ""

    def share(self, statements: dict[Any, Any]) -> None:
        self.engine = self.engine.execution_options(compiled_cache=statements)
        self._reader = self._reader.execution_options(compiled_cache=statements)

    def watch(self, fate: Fate) -> None:
        self.fate = fate
        event.listen(self.engine, "before_cursor_execute", self._note)

    @contextmanager
    def write(self) -> Iterator[Session]:
        self.written = ""
        with super().write() as session:
            yield session
            session.flush()
            name = self.written
            if name:
                self.fate.reaches(f"before {name} commit")
        if name:
            self.fate.reaches(f"after {name}")

    def _note(self, *call: Any) -> None:
        statement, parameters = call[2], call[3]
        if statement.startswith("UPDATE send SET"):
            values = parameters.values() if isinstance(parameters, dict) else parameters
            for state, name in (("claimed", "claim"), ("sending", "intent"), ("accepted", "record")):
                if state in list(values)[:2]:
                    self.written = name


class DoomedProvider:
    def __init__(self, provider: Provider, fate: Fate) -> None:
        self.name = provider.name
        self._provider = provider
        self._fate = fate
        if hasattr(provider, "was_accepted"):
            self.was_accepted = provider.was_accepted

    def deliver(self, email: Email) -> Accepted:
        self._fate.reaches("before the call")
        accepted = self._provider.deliver(email)
        self._fate.reaches("after the answer")
        return accepted

    def close(self) -> None:
        self._provider.close()


def doomed_composer(catalog: Catalog, fate: Fate) -> Composer:
    class Doomed(Composer):
        def compose(self, draft: Draft, *, now: datetime) -> Composed:
            made = super().compose(draft, now=now)
            fate.reaches("while rendering")
            return made

    plain = composer(catalog)
    return Doomed(catalog=plain.catalog, links=plain.links, brand=plain.brand, sender=plain.sender)


def hook(owner: Any, name: str, *, before: Callable[[], None], after: Callable[[], None]) -> None:
    original = getattr(owner, name)

    def hooked(*arguments: Any, **rest: Any) -> Any:
        before()
        result = original(*arguments, **rest)
        after()
        return result

    setattr(owner, name, hooked)


def hook_the_call(fate: Fate) -> None:
    """Inside a call: SendGrid's request is out; the reply has come and nobody has read it; an outbox file is
    complete, and not yet or just now in its place."""
    hook(
        DeadlineSocket,
        "receive_into",
        before=lambda: fate.reaches("request sent"),
        after=lambda: fate.reaches("reply on the way"),
    )
    hook(
        outbox,
        "_write",
        before=lambda: None,
        after=lambda: fate.reaches("request sent"),
    )
    hook(
        outbox.Outbox,
        "_make_durable",
        before=lambda: fate.reaches("reply on the way"),
        after=lambda: None,
    )


def work(command: dict[str, Any], catalog: Catalog, statements: dict[Any, Any]) -> None:
    fate = Fate(
        command.get("point", ""),
        command.get("countdown", 0),
        passes=command.get("passes", 0),
        by=command.get("by", int(signal.SIGKILL)),
    )
    hook_the_call(fate)
    if command.get("broken"):
        scheduler.worker.recover_leases = break_the_rule
    database = DoomedDatabase(command["database"])
    database.share(statements)
    database.watch(fate)
    config = (
        SendGridConfig(api_key="SG.tests", host=command["sendgrid"])
        if "sendgrid" in command
        else OutboxConfig(folder=Path(command["outbox"]))
    )
    provider = DoomedProvider(open_provider(config), fate)
    worker = Worker(
        database=database,
        provider=provider,
        composer=doomed_composer(catalog, fate),
        concurrency=command.get("concurrency", 1),
        journal=Journal(Path(command["journal"])) if command.get("journal") else None,
        canary_address=command.get("canary", ""),
        **time_of(command),
    )
    if command.get("do") == "start":
        tick_for_ever(worker)
    worker.tick()
    worker.close()
    database.close()


def time_of(command: dict[str, Any]) -> dict[str, Any]:
    """A moment that stands still, or a clock that the killer moves."""
    if "clock" in command:
        shared = SharedClock(Path(command["clock"]))
        return {"clock": shared, "stopwatch": shared.seconds}
    now = datetime.fromisoformat(command["now"]).astimezone(UTC)
    return {"clock": lambda: now}


def tick_for_ever(worker: Worker) -> None:
    """As the clock of an installation does: a tick that fails is not the last one."""
    parent, ticked_at = os.getppid(), worker.clock()
    while os.getppid() == parent:
        with suppress(SQLAlchemyError):
            ticked_at = worker.clock()
            worker.tick()
        while worker.clock() == ticked_at and os.getppid() == parent:
            time.sleep(0.005)


class Nursery:
    """Forks workers, which inherit the compiled templates and statements, and buries them."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._children: set[int] = set()
        self._statements: dict[str, dict[Any, Any]] = {}
        """As SQLAlchemy has compiled them, for each kind of database."""

    def obey(self, command: dict[str, Any]) -> dict[str, int]:
        match command.get("do"):
            case "start":
                return {"pid": self._fork(command)}
            case "end":
                return {"exit": self._end(command["pid"], command["milliseconds"])}
            case "pause":
                time.sleep(command["milliseconds"] / 1000)
                return {}
        return {"exit": self._end(self._fork(command), command.get("milliseconds"))}

    def _fork(self, command: dict[str, Any]) -> int:
        statements = self._compiled(command)
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                work(command, self._catalog, statements)
                status = 0
            finally:
                sys.stderr.flush()
                os._exit(status)
        self._children.add(pid)
        return pid

    def _compiled(self, command: dict[str, Any]) -> dict[Any, Any]:
        """A first worker compiles them for all that are to follow; it may live."""
        kind = command["database"].partition(":")[0]
        if kind not in self._statements:
            self._statements[kind] = {}
            if command.get("do") == "start":
                plain = {name: command[name] for name in ("database", "clock", "sendgrid")}
                work(plain, self._catalog, self._statements[kind])
        return self._statements[kind]

    def _end(self, pid: int, milliseconds: float | None) -> int:
        """Its exit code; after so many milliseconds it is killed, should it live then."""
        if milliseconds is not None:
            handle = os.pidfd_open(pid)
            select.select([handle], [], [], milliseconds / 1000)
            os.close(handle)
            os.kill(pid, signal.SIGKILL)
        _, ended = os.waitpid(pid, 0)
        self._children.discard(pid)
        return os.waitstatus_to_exitcode(ended)

    def close(self) -> None:
        for pid in list(self._children):
            self._end(pid, 0)


def main() -> None:
    catalog = Catalog(brand=BRAND)
    catalog.renderer("second_interview")
    nursery = Nursery(catalog)
    print("ready", flush=True)  # noqa: T201 - the answer is the output
    try:
        for line in sys.stdin:
            print(json.dumps(nursery.obey(json.loads(line))), flush=True)  # noqa: T201
    finally:
        nursery.close()


if __name__ == "__main__":
    main()
