"""Counts over whole tables: they cost more the more there is, so they are taken the less often."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from scheduler import Send, State
from subscribers import Interview, Subscriber

AT_LEAST = 60.0
"""Seconds between two."""
SHARE = 50
"""And so many times what the last one took: counting never keeps the database busy for more than 2 % of the
time, whatever is in it."""


@dataclass(frozen=True)
class Counted:
    states: Mapping[str, int]
    """Sends by state; every state there is."""
    confirmed: int
    """People who proved that the address is theirs."""
    unconfirmed: int
    interviews: int
    """Confirmed interviews from today on that will take place."""
    took: float
    """Seconds."""


@dataclass
class Census:
    """The latest counts. `stopwatch` gives seconds that only ever grow."""

    stopwatch: Callable[[], float]
    _counted: Counted | None = field(default=None, init=False)
    _ended: float = field(default=0.0, init=False)

    def take(self, session: Session, *, now: datetime) -> Counted:
        """Count, unless that was done lately."""
        if self._counted is None or self.stopwatch() - self._ended > self._rest(self._counted):
            began = self.stopwatch()
            states, people, interviews = _states(session), _people(session), _interviews(session, now)
            self._ended = self.stopwatch()
            self._counted = Counted(states, people[True], people[False], interviews, self._ended - began)
        return self._counted

    @staticmethod
    def _rest(counted: Counted) -> float:
        return max(AT_LEAST, SHARE * counted.took)


def _states(session: Session) -> dict[str, int]:
    found = dict(session.execute(select(Send.state, func.count()).group_by(Send.state)).all())
    return {state: found.get(state, 0) for state in State}


def _people(session: Session) -> dict[bool, int]:
    is_confirmed = Subscriber.confirmed_at.is_not(None)
    found = select(is_confirmed, func.count()).where(Subscriber.erased_at.is_(None)).group_by(is_confirmed)
    return {True: 0, False: 0} | {bool(key): number for key, number in session.execute(found)}


def _interviews(session: Session, now: datetime) -> int:
    # A day earlier than in UTC may be today somewhere.
    to_come = select(func.count()).where(
        Interview.held_on >= (now - timedelta(hours=12)).date(),
        Interview.confirmed_at.is_not(None),
        Interview.canceled_at.is_(None),
    )
    return session.scalar(to_come) or 0
