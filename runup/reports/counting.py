"""Sends counted in the database: by campaign, step and day, and by what became of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from runup.reports.moments import Moment, day_of
from runup.reports.names import OF_SEND, Key, Names
from runup.reports.period import Period
from scheduler import Send, State
from scheduler.send import ARRIVED, IN_FLIGHT, UNFINISHED, UNSENT

_NOT_SENT = frozenset(State) - {*ARRIVED, *IN_FLIGHT, *UNSENT, State.UNKNOWN}


@dataclass
class Fate:
    """What became of sends. Every send is in exactly one of these numbers: they add up to `planned`."""

    to_come: int = 0
    """Certainly not sent yet."""
    in_doubt: int = 0
    """On the wire, or nobody knows yet whether it left."""
    delivered: int = 0
    unfinished: int = 0
    """The provider took it and has not said how it ended; without a feed it never will."""
    bounced: int = 0
    dropped: int = 0
    """The provider took it and did not try to deliver it."""
    unknown: int = 0
    """Given up: nobody will ever know whether it left."""
    not_sent: Counter[str] = field(default_factory=Counter)
    """By reason."""

    @property
    def left(self) -> int:
        """The provider took it."""
        return self.delivered + self.unfinished + self.bounced + self.dropped

    @property
    def left_out(self) -> int:
        return self.not_sent.total()

    @property
    def planned(self) -> int:
        return self.to_come + self.in_doubt + self.left + self.unknown + self.left_out

    def add(self, state: str, reason: str | None, sends: int) -> None:
        if state in UNSENT:
            self.to_come += sends
        elif state in IN_FLIGHT:
            self.in_doubt += sends
        elif state in UNFINISHED:
            self.unfinished += sends
        elif state in _NOT_SENT:
            self.not_sent[reason or state] += sends
        else:
            # delivered, bounced, dropped, unknown: the number has the state's name.
            setattr(self, state, getattr(self, state) + sends)

    def join(self, other: Fate) -> None:
        for name in ("to_come", "in_doubt", "delivered", "unfinished", "bounced", "dropped", "unknown"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.not_sent += other.not_sent


MOMENT: Moment = func.coalesce(Send.due_at, Send.finished_at)
"""A send belongs to the moment it was due; where it never had one, to that at which it was left out."""


def within(period: Period, moment: Moment = MOMENT) -> list[ColumnElement[bool]]:
    """Conditions that hold for what belongs to the period."""
    found: list[ColumnElement[bool]] = [moment < period.until]
    if period.since:
        found.append(moment >= period.since)
    return found


def counted(
    session: Session, names: Names, *conditions: ColumnElement[bool]
) -> Iterator[tuple[Key, str, str, str | None, int]]:
    """Campaign and step, day, state, reason, and how many such sends: as rows come, never all at once."""
    by = (*OF_SEND, day_of(session, MOMENT), Send.state, Send.reason)
    found = select(*by, func.count()).where(*conditions).group_by(*by)
    for campaign, step, issue, day, state, reason, sends in session.execute(
        found.execution_options(yield_per=1000)
    ):
        yield names.key(campaign, step, issue), day, state, reason, sends
