"""How many calls may be begun: the breaker and the rate, which all workers share, and a slow start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timedelta

import structlog
from sqlalchemy import bindparam, false, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from delivery.provider import NotSent
from scheduler.breaker import CLOSED, FAILURES, PROBE_EVERY, WRONG_CLOCK, Reading
from scheduler.bucket import Bucket, Level
from scheduler.gauges import BreakerState
from scheduler.outcomes import NOT_CALLED, Outcome

log = structlog.get_logger(__name__)

SHORTEST_REST = timedelta(seconds=0.5)
"""A worker that waits for the rate sleeps this long at least, and takes several tokens at once then."""
_COLUMNS = tuple(getattr(BreakerState, each.name) for each in fields(Reading))
_READ = select(*_COLUMNS).where(BreakerState.provider == bindparam("of"))
_LOCK = _READ.with_for_update()


@dataclass(frozen=True)
class Admission:
    """`room` sends may be claimed in this transaction. Tell `Gate.admitted` once it is durable."""

    room: int
    reading: Reading
    level: Level = field(default_factory=lambda: Level(0))
    probe_until: datetime | None = None


@dataclass(kw_only=True)
class Gate:
    """One worker's view of what all workers share; what it remembers is as old as its last look.

    While all is well it reads two rows with each claim and writes nothing.
    """

    provider: str
    bucket: Bucket
    reading: Reading = CLOSED
    _level: Level = field(default_factory=lambda: Level(0))
    _probe_until: datetime | None = None
    """We may make the next probe, and nobody else does before this moment."""
    _is_probing: bool = False
    """The call on our wire is the probe."""
    _most: int | None = None
    """After the breaker has closed: calls at once, one more for each that succeeds."""

    # -- before calls -------------------------------------------------------------------------------------

    def look(self, session: Session) -> None:
        """See what others have written."""
        self._see(self._read(session))

    def room(self, free: int, *, flying: int, now: datetime) -> int:
        """How many of `free` calls may be prepared, by what is remembered. `admit` has the last word."""
        # A probe ends with its call, also should nobody ever tell what became of it: the next one comes.
        self._is_probing = self._is_probing and flying > 0
        if self._level.next_at and now < self._level.next_at:
            return 0
        if self.reading.is_open:
            return min(free, 1) if not flying and self._may_probe(self.reading, now) else 0
        if self._most is None or self._most >= free + flying:
            self._most = None
            return free
        return min(free, max(self._most - flying, 0))

    def admit(self, session: Session, *, wanted: int, now: datetime) -> Admission:
        """How many may be claimed, in the transaction of the claim: nothing while the breaker is open, but
        for one real send every thirty seconds by one worker of all."""
        reading = self._read(session)
        if not reading.is_open:
            level = self.bucket.look(session, wanted=wanted, now=now)
            return Admission(level.free, reading, level)
        if not self._may_probe(reading, now):
            return Admission(0, reading)
        level = self.bucket.look(session, wanted=1, now=now)
        probe_until = self._take_probe(session, now) if level.free else self._probe_in_hand(now)
        return Admission(level.free if probe_until else 0, reading, level, probe_until)

    def admitted(self, admission: Admission) -> None:
        self._see(admission.reading)
        self._level = admission.level
        self._probe_until = admission.probe_until

    def launched(self, count: int) -> None:
        """So many calls are being made. While the breaker is open that is the probe."""
        if count and self.reading.is_open:
            self._is_probing, self._probe_until = True, None

    def give_back(self, session: Session, count: int) -> None:
        """So many were admitted, and certainly not called."""
        if count:
            self.bucket.give_back(session, count)
            self._level = Level(0)

    # -- after calls --------------------------------------------------------------------------------------

    def hear(self, session: Session, outcomes: Sequence[Outcome], *, now: datetime) -> Reading:
        """Write down what calls came to, in the transaction that records them. Tell `heard` afterwards."""
        self.give_back(session, sum(outcome.kind == NOT_CALLED for outcome in outcomes))
        wish = max(
            (outcome.retry_after or 0 for outcome in outcomes if outcome.kind == NotSent.kind), default=0
        )
        if wish > 0:
            self.bucket.close(session, wish, now=now)
        is_news = not self.reading.is_quiet or any(outcome.kind in FAILURES for outcome in outcomes)
        return self._note(session, outcomes, now=now) if is_news else self.reading

    def heard(self, reading: Reading, outcomes: Sequence[Outcome]) -> None:
        """`hear` is durable: `reading` is what it returned."""
        if outcomes:
            self._is_probing = False
        self._see(reading)
        if self._most is not None:
            self._most += sum(outcome.kind not in (*FAILURES, NOT_CALLED) for outcome in outcomes)

    def held(self, *, now: datetime) -> str:
        """Why nothing leaves, in plain words; empty when it may."""
        if self.reading.is_open:
            return f"the {self.provider} provider fails; trying again in a moment: {self.reading.why}"
        if self._level.is_closed and self._level.next_at and now < self._level.next_at:
            return f"the {self.provider} provider asks us to wait until {self._level.next_at:%H:%M:%S} UTC"
        return ""

    def rest(self, *, now: datetime) -> float:
        """Seconds after which there may be room again, should the rate be all that is in the way; else 0."""
        if self.reading.is_open or self._level.next_at is None or self._level.next_at <= now:
            return 0.0
        return max(self._level.next_at - now, SHORTEST_REST).total_seconds()

    # -- the row ------------------------------------------------------------------------------------------

    def _see(self, reading: Reading) -> None:
        if reading.is_open and not self.reading.is_open:
            log.error("breaker_opened", provider=self.provider, why=reading.why)
        if self.reading.is_open and not reading.is_open:
            log.info("breaker_closed", provider=self.provider)
            self._most = 1
        self.reading = reading

    def _may_probe(self, reading: Reading, now: datetime) -> bool:
        return not self._is_probing and (reading.may_probe(now) or self._probe_in_hand(now) is not None)

    def _probe_in_hand(self, now: datetime) -> datetime | None:
        return self._probe_until if self._probe_until and now < self._probe_until else None

    def _take_probe(self, session: Session, now: datetime) -> datetime | None:
        """Compare-and-set: of all workers one gets it. One in hand is taken anew: the next one is due half a
        minute after the call, however long it was in hand."""
        ours = BreakerState.probe_at == self._probe_until if self._probe_in_hand(now) else false()
        taken = session.execute(
            update(BreakerState)
            .where(BreakerState.provider == self.provider, BreakerState.opened_at.is_not(None))
            .where(or_(BreakerState.probe_at <= now, BreakerState.probe_at > now + WRONG_CLOCK, ours))
            .values(probe_at=now + PROBE_EVERY)
            .returning(BreakerState.probe_at)
            .execution_options(synchronize_session=False)
        ).one_or_none()
        return now + PROBE_EVERY if taken else None

    def _read(self, session: Session) -> Reading:
        row = session.execute(_READ, {"of": self.provider}).one_or_none()
        return Reading(**row._asdict()) if row else CLOSED

    def _note(self, session: Session, outcomes: Sequence[Outcome], *, now: datetime) -> Reading:
        insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
        row = session.execute(_LOCK, {"of": self.provider}).one_or_none()
        if row is None:
            values = {"provider": self.provider} | asdict(CLOSED)
            session.execute(
                insert(BreakerState).values(values).on_conflict_do_nothing(index_elements=["provider"])
            )
            row = session.execute(_LOCK, {"of": self.provider}).one()
        before = reading = Reading(**row._asdict())
        for outcome in outcomes:
            reading = reading.heard(outcome, is_probe=self._is_probing, now=now)
        if reading != before:
            session.execute(
                update(BreakerState)
                .where(BreakerState.provider == self.provider)
                .values(asdict(reading))
                .execution_options(synchronize_session=False)
            )
        return reading
