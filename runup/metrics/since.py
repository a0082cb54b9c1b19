"""What has happened since this process began to look: counters, as Prometheus wants them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Row, and_, func, or_, select
from sqlalchemy.orm import Session

from scheduler import Attempt, Send
from scheduler.outcomes import OK
from subscribers.consent import Consent

SETTLED = timedelta(seconds=30)
"""A call takes 20 seconds at most; after this its attempt is written."""
MOST = 20_000
"""Attempts read at once; the next look goes on where this one stopped."""
BUCKETS = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0, 21600.0)
"""Upper bounds in seconds: a tick is two, late is three hundred."""
_WORDS = {
    OK: "accepted", "N": "not_sent", "R": "rejected", "A": "account_refused", "U": "unknown",
}  # fmt: skip


@dataclass
class Lateness:
    """How long after its due moment an email was accepted, in one lane."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    sum: float = 0.0

    def add(self, seconds: float) -> None:
        self.counts[next((i for i, bound in enumerate(BUCKETS) if seconds <= bound), len(BUCKETS))] += 1
        self.sum += seconds

    @property
    def buckets(self) -> list[tuple[str, int]]:
        """Upper bound and how many up to it, as Prometheus has them."""
        bounds, total, told = [*map(str, BUCKETS), "+Inf"], 0, []
        for bound, count in zip(bounds, self.counts, strict=True):
            total += count
            told.append((bound, total))
        return told


@dataclass
class Since:
    """Counts what is new at each look. Every process that looks counts everything, whoever did it."""

    lateness: dict[int, Lateness] = field(default_factory=dict)
    """By lane."""
    calls: Counter[str] = field(default_factory=Counter)
    """Calls to providers by what they came to."""
    sign_ups: int = 0
    _at: tuple[datetime, int] | None = None
    _consent: int | None = None

    def look(self, session: Session, *, now: datetime) -> None:
        """The first look only remembers where things stand."""
        if self._at is None or self._consent is None:
            self._at, self._consent = (now - SETTLED, 0), self._newest_consent(session)
            return
        for row in self._attempts(session, self._at, now=now):
            self._count(row)
        newest = self._newest_consent(session)
        if newest > self._consent:
            self.sign_ups += self._consents(session, self._consent, newest)
        self._consent = newest

    def _count(self, row: Row[int, datetime, datetime | None, str, datetime | None, int]) -> None:
        self._at = (row.intent_at, row.id)
        self.calls[_WORDS.get(row.kind, "unknown")] += 1
        if row.kind == OK and row.finished_at and row.due_at:
            late = max((row.finished_at - row.due_at).total_seconds(), 0.0)
            self.lateness.setdefault(row.lane, Lateness()).add(late)

    @staticmethod
    def _attempts(
        session: Session, at: tuple[datetime, int], *, now: datetime
    ) -> Sequence[Row[int, datetime, datetime | None, str, datetime | None, int]]:
        moment, identity = at
        found = (
            select(Attempt.id, Attempt.intent_at, Attempt.finished_at, Attempt.kind, Send.due_at, Send.lane)
            .join(Send, Send.id == Attempt.send_id)
            # The first bound alone is what the index can use.
            .where(Attempt.intent_at >= moment, Attempt.intent_at <= now - SETTLED)
            .where(or_(Attempt.intent_at > moment, and_(Attempt.intent_at == moment, Attempt.id > identity)))
            .order_by(Attempt.intent_at, Attempt.id)
            .limit(MOST)
        )
        return session.execute(found).all()

    @staticmethod
    def _newest_consent(session: Session) -> int:
        return session.scalar(select(func.max(Consent.id))) or 0

    @staticmethod
    def _consents(session: Session, after: int, until: int) -> int:
        found = select(func.count()).where(Consent.id > after, Consent.id <= until)
        return session.scalar(found) or 0
