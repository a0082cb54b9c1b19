"""How often somebody may try to log in: counted in the database, so that every process and every restart
knows."""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from runup.operators.rows import FailedLogin

WITHIN = timedelta(minutes=15)
_MOST = {"both": 5, "network": 20, "name": 50}
"""Of one network for one name, of one network, and for one name from everywhere: so many that a stranger
cannot easily lock an operator out, and so few that nobody guesses six digits."""


class TooManyLogins(Exception):
    """`seconds` until it is worth trying again."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(f"try again in {seconds} s")


@dataclass(frozen=True)
class Attempt:
    """Under which three hashes it is counted: who reads the table learns neither names nor networks."""

    keys: dict[str, str]
    rows: Sequence[int] = ()

    @classmethod
    def of(cls, name: str, network: str, hmac_key: bytes) -> Attempt:
        words = {"both": f"{name}\n{network}", "network": f"\n{network}", "name": f"{name}\n"}
        return cls(
            {
                kind: hmac.new(hmac_key, b"login\n" + said.encode(), hashlib.sha256).hexdigest()
                for kind, said in words.items()
            }
        )


def count(session: Session, attempt: Attempt, *, now: datetime) -> Attempt:
    """Count one more, before anything is looked at: many at once count as many. Raises TooManyLogins."""
    session.execute(delete(FailedLogin).where(FailedLogin.at <= now - WITHIN))
    for kind, most in _MOST.items():
        found = select(func.count(), func.min(FailedLogin.at)).where(FailedLogin.who == attempt.keys[kind])
        tries, first = session.execute(found).one()
        if tries >= most:
            raise TooManyLogins(max(1, math.ceil((first + WITHIN - now).total_seconds())))
    rows = [FailedLogin(who=key, at=now) for key in attempt.keys.values()]
    session.add_all(rows)
    session.flush()
    return Attempt(attempt.keys, [row.id for row in rows])


def forgive(session: Session, attempt: Attempt) -> None:
    """It succeeded: it does not count, nor do those before it of the same name and network."""
    session.execute(delete(FailedLogin).where(FailedLogin.id.in_(attempt.rows)))
    session.execute(delete(FailedLogin).where(FailedLogin.who == attempt.keys["both"]))
