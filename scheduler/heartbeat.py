from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from scheduler.gauges import Heartbeat

FORGOTTEN_AFTER = timedelta(days=7)
SIGNED_OFF = "ended as it was told"
"""The note of a worker that nobody need wait for."""


def sign_off(session: Session, worker: str) -> None:
    """This worker has ended and given everything back. When it last ticked stays: others go by that."""
    session.execute(update(Heartbeat).where(Heartbeat.worker == worker).values(note=SIGNED_OFF))


@dataclass(kw_only=True)
class Pulse:
    """One worker's sign of life in the database, with the reason why it is not sending."""

    boot: str
    """Random per process start: neither host nor process id is unique for long."""
    note: str = ""
    _started_at: datetime | None = None
    _written: str = ""

    @property
    def is_news(self) -> bool:
        """The note has changed since it was written down."""
        return self.note != self._written

    def beat(self, session: Session, *, now: datetime) -> None:
        if self._started_at is None:
            session.execute(delete(Heartbeat).where(Heartbeat.last_tick_at < now - FORGOTTEN_AFTER))
        self._started_at = self._started_at or now
        self._written = self.note
        session.merge(
            Heartbeat(
                worker=self.boot,
                host=socket.gethostname()[:128],
                pid=os.getpid(),
                started_at=self._started_at,
                last_tick_at=now,
                note=self.note[:300],
            )
        )
