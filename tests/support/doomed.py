"""Workers that are killed with SIGKILL at a named point of one send; a program of its own.

Reads one JSON command a line: where the database and the provider are, what time it is, and where to die. For
each it forks a real worker process, which inherits the compiled templates, and writes one line when that has
ended. The points are hooks around the worker's ports (transactions, renderer, provider, socket, files); there
are none in the program itself.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from killing import break_the_rule
from sqlalchemy import event
from sqlalchemy.orm import Session
from town import BRAND, composer

import scheduler.worker
from campaigns import Catalog
from delivery import Accepted, Email, OutboxConfig, Provider, SendGridConfig, open_provider
from delivery.providers import outbox
from delivery.sockets import DeadlineSocket
from runup.database import Database
from scheduler import Composer, Worker
from scheduler.composing import Composed
from scheduler.drafting import Draft


class Fate:
    """Ends the process when `point` is reached, or whatever point comes `countdown`-th."""

    def __init__(self, point: str, countdown: int) -> None:
        self.point = point
        self.countdown = countdown

    def reaches(self, point: str) -> None:
        self.countdown -= 1
        if point == self.point or self.countdown == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class DoomedDatabase(Database):
    """Knows each transaction by the state it writes."""

    fate: Fate
    written = ""

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


def work(command: dict[str, Any], catalog: Catalog) -> None:
    fate = Fate(command.get("point", ""), command.get("countdown", 0))
    hook_the_call(fate)
    if command.get("broken"):
        scheduler.worker.recover_leases = break_the_rule
    database = DoomedDatabase(command["database"])
    database.watch(fate)
    config = (
        SendGridConfig(api_key="SG.tests", host=command["sendgrid"])
        if "sendgrid" in command
        else OutboxConfig(folder=Path(command["outbox"]))
    )
    provider = DoomedProvider(open_provider(config), fate)
    now = datetime.fromisoformat(command["now"]).astimezone(UTC)
    worker = Worker(
        database=database,
        provider=provider,
        composer=doomed_composer(catalog, fate),
        clock=lambda: now,
        concurrency=command.get("concurrency", 1),
    )
    worker.tick()
    worker.close()
    database.close()


def run(command: dict[str, Any], catalog: Catalog) -> dict[str, int]:
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work(command, catalog)
            status = 0
        finally:
            sys.stderr.flush()
            os._exit(status)
    if "milliseconds" in command:
        time.sleep(command["milliseconds"] / 1000)
        os.kill(pid, signal.SIGKILL)
    _, ended = os.waitpid(pid, 0)
    return {"exit": os.waitstatus_to_exitcode(ended)}


def main() -> None:
    catalog = Catalog(brand=BRAND)
    catalog.renderer("second_interview")
    print("ready", flush=True)  # noqa: T201 - the answer is the output
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line), catalog)), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
