"""Most ticks of a worker find nothing to do. One look by plain SQL decides that, and the phase is left out.

Each look sees at least as much as its phase does: where it finds nothing, the phase would have changed
nothing. Every sixteenth seed goes without shortcuts. They make a seed several times as fast.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import scheduler.doubt
import scheduler.listening
import scheduler.preparing
import scheduler.replanning
import scheduler.worker
from scheduler.hearing import Heard
from scheduler.heartbeat import Pulse
from scheduler.shelf import Shelf
from subscribers.wall_time import tzdata_version

WAITING = "state IN ('planned', 'retry_wait')"
LEASED = "state IN ('claimed', 'sending')"
NEXT = f"""
SELECT min(moment) FROM (
SELECT min(ready_at) AS moment FROM send WHERE {WAITING}
UNION ALL SELECT min(expires_at) FROM send WHERE {WAITING}
UNION ALL SELECT min(lease_until) FROM send WHERE {LEASED}
UNION ALL SELECT min(heard_at) FROM delivery_record WHERE applied_at IS NULL)
"""  # noqa: S608 - no value of anybody's in it
DOUBT = (timedelta(minutes=46), timedelta(hours=2), timedelta(hours=6))
"""After an intent: when silence begins to tell, once in between, and the end of patience."""


def written(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def _read(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass(frozen=True)
class Glance:
    """What a look by plain SQL sees. `raw` is the one connection all sessions use."""

    raw: Any
    now: Callable[[], datetime]

    def next_moment(self) -> datetime | None:
        """When a tick may find something to do; as `scheduler.horizon` knows it, but seldomer in doubt."""
        found, now = self.raw.execute(NEXT).fetchone()[0], self.now()
        moments = [_read(found)] if found else []
        for intent, expiry in self.raw.execute(
            "SELECT intent_at, expires_at FROM send WHERE state = 'in_doubt'"
        ):
            ends = [_read(intent) + span for span in DOUBT] + [_read(expiry) - timedelta(minutes=5)]
            moments.append(min([end for end in ends if end > now], default=now))
        return min(moments, default=None)

    def finds(self, sql: str, *values: Any) -> bool:
        return self.raw.execute(sql, values).fetchone() is not None

    def is_due(self) -> bool:
        return self.finds(f"SELECT 1 FROM send WHERE {WAITING} AND ready_at <= ?", written(self.now()))  # noqa: S608

    def is_ending(self) -> bool:
        ended = f"SELECT 1 FROM send WHERE {WAITING} AND expires_at <= ?"  # noqa: S608
        return self.finds(ended, written(self.now())) or self.finds("SELECT 1 FROM hold")

    def is_out_of_date(self) -> bool:
        return (
            self.is_due()
            or self.is_ending()
            or self.finds("SELECT 1 FROM subscriber WHERE epoch <> planned_epoch")
            or self.finds(f"SELECT 1 FROM send WHERE {WAITING} AND tzdata_version <> ?", tzdata_version())  # noqa: S608
        )

    def is_leased(self) -> bool:
        return self.finds(f"SELECT 1 FROM send WHERE {LEASED}")  # noqa: S608

    def is_doubtful(self) -> bool:
        return self.finds("SELECT 1 FROM send WHERE state = 'in_doubt'")

    def has_heard(self) -> bool:
        return self.finds("SELECT 1 FROM delivery_record WHERE applied_at IS NULL")

    def is_stale(self) -> bool:
        since = written(self.now() - timedelta(hours=20))
        return self.finds(f"SELECT 1 FROM send WHERE {WAITING} AND planned_at <= ?", since)  # noqa: S608

    def is_superseded(self) -> bool:
        return self.finds(
            "SELECT 1 FROM enrollment JOIN campaign ON key = campaign WHERE planned_number < number"
        )

    def is_idle(self) -> bool:
        """A tick would change nothing but its sign of life."""
        return not (
            self.is_out_of_date()
            or self.is_superseded()
            or self.is_leased()
            or self.is_doubtful()
            or self.has_heard()
            or self.is_stale()
        )


@contextmanager
def shortcuts(glance: Glance) -> Iterator[None]:
    """For as long as the context lasts, phases that have nothing to do are left out."""
    places: list[tuple[Any, str, Callable[[], bool], Any]] = [
        (scheduler.preparing, "find_due", glance.is_due, []),
        (scheduler.replanning, "out_of_date", glance.is_out_of_date, []),
        (scheduler.replanning, "of_old_versions", glance.is_superseded, []),
        (scheduler.worker, "brake", glance.is_ending, None),
        (scheduler.worker, "recover_leases", glance.is_leased, 0),
        (scheduler.replanning.Replanner, "patrol", glance.is_stale, 0),
        (scheduler.listening, "hear", glance.has_heard, Heard()),
        (scheduler.doubt.Jury, "settle_all", glance.is_doubtful, 0),
        (scheduler.listening.Aviary, "look", glance.is_doubtful, False),
    ]
    with patch.object(Pulse, "beat", _no_beat), patch.object(Shelf, "look", _look(Shelf.look)):
        undo = []
        for owner, name, is_needed, empty in places:
            with suppress(AttributeError):
                real = getattr(owner, name)
                undo.append((owner, name, real))
                setattr(owner, name, _unless_idle(real, is_needed, empty))
        try:
            yield
        finally:
            for owner, name, real in undo:
                setattr(owner, name, real)


def _unless_idle(real: Any, is_needed: Callable[[], bool], empty: Any) -> Any:
    def act(*args: Any, **named: Any) -> Any:
        return real(*args, **named) if is_needed() else empty

    return act


def _no_beat(pulse: Pulse, _session: Any, *, now: datetime) -> None:
    pulse._written = pulse.note
    pulse._started_at = pulse._started_at or now


def _look(real: Any) -> Any:
    def look(shelf: Shelf, session: Any, *, now: datetime) -> None:
        if not shelf.usable:
            real(shelf, session, now=now)

    return look
