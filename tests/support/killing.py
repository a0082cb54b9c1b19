"""The other side of doomed.py: who has it killed, and what must be true afterwards."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from runup.database import Database
from scheduler import Send, State
from scheduler.doubt import deadline
from scheduler.send import ARRIVED, LEASED, OPEN, WAITING

BEFORE_THE_INTENT = (
    "before claim commit",
    "after claim",
    "while rendering",
    "before intent commit",
)
AFTER_THE_INTENT = (
    "after intent",
    "before the call",
    "request sent",
    "reply on the way",
    "after the answer",
    "before record commit",
)
DONE = ("after record",)
POINTS = (*BEFORE_THE_INTENT, *AFTER_THE_INTENT, *DONE)


class Doom:
    """A process that forks workers and sees them killed. One for a whole session: it compiles once."""

    def __init__(self) -> None:
        program = Path(__file__).with_name("doomed.py")
        self._process = subprocess.Popen(
            [sys.executable, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline().strip() == "ready"

    def work(self, **command: Any) -> int:
        """Run a worker's tick to its end, whichever it is; returns its exit code, -9 when killed."""
        return self._tell(command)["exit"]

    def start(self, **command: Any) -> int:
        """A worker that ticks until it is killed; its pid."""
        return self._tell(command | {"do": "start"})["pid"]

    def end(self, pid: int, *, after_ms: float = 0) -> int:
        """Kill it then, should it live; its exit code."""
        return self._tell({"do": "end", "pid": pid, "milliseconds": after_ms})["exit"]

    def pause(self, milliseconds: float) -> None:
        """Let them work."""
        self._tell({"do": "pause", "milliseconds": milliseconds})

    def _tell(self, command: dict[str, Any]) -> dict[str, int]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        answer: dict[str, int] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()


@dataclass(frozen=True)
class Verdict:
    """What went wrong, by the provider's own log. Nothing, when both are empty."""

    doubled: dict[str, int]
    lost: list[str]


def judge(database: Database, log: Counter[str], *, now: datetime) -> Verdict:
    """`log`: how many copies of each reference the provider has taken."""
    with database.read() as session:
        sends = list(session.scalars(select(Send)))
    return Verdict(
        doubled={reference: copies for reference, copies in log.items() if copies > 1},
        lost=[f"{send.step} is {send.state}: {why}" for send in sends if (why := _lost(send, log, now))],
    )


def _lost(send: Send, log: Counter[str], now: datetime) -> str:
    """How a send contradicts the log, or has nobody who will look after it."""
    if send.state in ARRIVED:
        return "" if log[send.reference] else "the provider never took it"
    if send.state == State.IN_DOUBT:
        return "" if deadline(send) > now else "its deadline has passed"
    if send.state in WAITING and not (send.ready_at and send.expires_at):
        return "nothing will ever wake it"
    if send.state in LEASED and not (send.lease_until and send.lease_until > now):
        return "nobody holds it"
    if send.state not in OPEN and not (send.reason and send.finished_at):
        return "it ended without a reason"
    if log[send.reference] and send.state != State.UNKNOWN:
        return "the provider has it"
    return ""


def break_the_rule(session: Session, *, now: datetime) -> int:
    """What job queues do: an expired lease goes back, whether or not its call may have been made."""
    session.execute(
        update(Send)
        .where(Send.state.in_(LEASED), Send.lease_until < now)
        .values(state=State.PLANNED, lease_token=None, lease_until=None, left_at=None)
    )
    return 0
