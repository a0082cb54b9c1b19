"""Settle what may or may not have been accepted: by evidence, and without it by the step's own policy.

The evidence, in its order: the provider's events (`hearing`), the send journal, the provider itself where it
is a witness, and silence, where the feed of events is known to be healthy (`feed`). The first three are
certain. Silence is not: an attempt that it, or the step's policy, lets another follow may have left, and for
one such attempt a send is tried once more, never again (decision 0072). So no third copy can leave.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto

from sqlalchemy import Integer, bindparam, or_, select
from sqlalchemy.orm import Session

from campaigns.reasons import Reason
from campaigns.sequence import OnUnknown
from delivery.provider import Provider
from runup.database import Database
from scheduler.braking import active_hold
from scheduler.feed import SILENT_FOR, is_silence_evidence, usual_share
from scheduler.journal import Journal, Line
from scheduler.send import Attempt, Send, State, is_in
from scheduler.transaction import transact
from subscribers.subscriber import lock_subscriber

PATIENCE = timedelta(hours=6)
MARGIN = timedelta(minutes=5)
MOST_RESENDS = 1
BASELINE_FOR = timedelta(minutes=10)
_MINUTE = timedelta(minutes=1)
NOT_TAKEN = "the provider never took it"
NOT_HEARD_OF = "nothing was heard of it, and the feed of events was healthy"


class Evidence(Enum):
    """What is known of one attempt in doubt."""

    TAKEN = auto()
    """The provider has it."""
    NOT_TAKEN = auto()
    """It certainly never took it."""
    SILENCE = auto()
    """Others of its time were heard of, and it was not."""
    NONE = auto()

    @classmethod
    def of(cls, said: bool | None) -> Evidence:
        """What a witness said, who knows for certain or not at all."""
        return cls.NONE if said is None else cls.TAKEN if said else cls.NOT_TAKEN


def deadline(send: Send) -> datetime:
    """When waiting for evidence ends: six hours after the intent, or shortly before the send expires."""
    assert send.intent_at
    assert send.expires_at
    return max(send.intent_at, min(send.intent_at + PATIENCE, send.expires_at - MARGIN))


def may_go_once_more(send: Send) -> bool:
    """Whether another attempt may follow one that may have left: none has yet."""
    return send.resends < MOST_RESENDS


def goes_once_more(send: Send) -> bool:
    """Whether the deadline brings one blind second attempt and not the end."""
    return send.on_unknown == OnUnknown.RESEND and may_go_once_more(send)


def in_doubt(
    session: Session, *, after: int = 0, most: int = 1000, until: datetime | None = None
) -> list[Send]:
    """What is in doubt, by id and above `after`; with `until`, only what is past its deadline then."""
    found = _IN_DOUBT
    if until is not None:
        found = found.where(or_(Send.intent_at <= until - PATIENCE, Send.expires_at <= until + MARGIN))
    return list(session.scalars(found, {"after": after, "most": most}))


# Asked at every tick, and built once.
_IN_DOUBT = (
    select(Send)
    .where(is_in(State.IN_DOUBT), Send.id > bindparam("after", type_=Integer()))
    .order_by(Send.id)
    .limit(bindparam("most", type_=Integer()))
)


def settle(
    session: Session, send_id: int, *, attempt: int, evidence: Evidence, now: datetime
) -> State | None:
    """Give a send in doubt the state the evidence proves; returns the state it has afterwards.

    `attempt`: the one the evidence speaks of; a later one is none of its business. Silence lets it go once
    more. At its deadline a send without evidence ends as `unknown`, visibly; one that its step allows it goes
    once more, unless it has.
    """
    found = session.get(Send, send_id)
    if found is None:
        return None
    lock_subscriber(session, found.subscriber_id)
    send = session.get_one(Send, send_id, with_for_update=True, populate_existing=True)
    if send.state != State.IN_DOUBT or send.attempts != attempt:
        return State(send.state)
    if evidence is Evidence.TAKEN:
        _accept(session, send, now=now)
    elif evidence is Evidence.NOT_TAKEN:
        _try_again(session, send, kind="N", error=NOT_TAKEN, now=now)
    elif evidence is Evidence.SILENCE and may_go_once_more(send):
        send.resends += 1
        _try_again(session, send, kind="N", error=NOT_HEARD_OF, now=now)
    elif now >= deadline(send) and active_hold(session) is None:  # a clock in doubt ends nothing
        if goes_once_more(send):
            send.resends += 1
            _try_again(session, send, kind="U", error="", now=now)
        else:
            send.state, send.reason, send.finished_at = State.UNKNOWN, Reason.UNKNOWN, now
            send.lease_token = None
            _close_attempt(session, send, kind="U", error="", now=now)
    return State(send.state)


@dataclass(kw_only=True)
class Jury:
    """One worker's search for evidence. It remembers what it has asked, so that asking often is cheap."""

    database: Database
    provider: Provider
    clock: Callable[[], datetime]
    journal: Journal | None = None
    _read: dict[tuple[str, int], bool | None] = field(default_factory=dict)
    """What the journal said of the sends in doubt."""
    _silence: dict[datetime, tuple[datetime | None, bool]] = field(default_factory=dict)
    _baseline: tuple[datetime, float] | None = None

    def settle_all(self) -> int:
        """Settle each send in doubt for which there is evidence or whose time is over; returns how many."""
        settled, after, doubtful = 0, 0, set[tuple[str, int]]()
        while True:
            with self.database.read() as session:
                page = in_doubt(session, after=after)
                self._read_journal(page)
                verdicts = [(send, self._evidence(session, send)) for send in page]
            for send, evidence in verdicts:
                doubtful.add((send.reference, send.attempts))
                if evidence is not Evidence.NONE or self.clock() >= deadline(send):
                    settled += self._settle(send, evidence)
            if not page:
                self._read = {key: said for key, said in self._read.items() if key in doubtful}
                return settled
            after = page[-1].id

    def _settle(self, send: Send, evidence: Evidence) -> bool:
        now, attempt = self.clock(), send.attempts
        after = transact(
            self.database, lambda s: settle(s, send.id, attempt=attempt, evidence=evidence, now=now)
        )
        return after != State.IN_DOUBT

    def _evidence(self, session: Session, send: Send) -> Evidence:
        said = self._read.get((send.reference, send.attempts))
        if said is None:
            said = asked(self.provider, send)
        if said is not None:
            return Evidence.of(said)
        is_silent = may_go_once_more(send) and self._silence_tells(session, send)
        if is_silent or self.clock() >= deadline(send):
            # Another process may have written its answer down since, and died.
            self._look_up([send])
            said = self._read.get((send.reference, send.attempts))
        return Evidence.SILENCE if said is None and is_silent else Evidence.of(said)

    def _read_journal(self, sends: Sequence[Send]) -> None:
        """Look the new ones up, once: what our own process hears later it records by itself."""
        self._look_up([send for send in sends if (send.reference, send.attempts) not in self._read])

    def _look_up(self, sends: Sequence[Send]) -> None:
        if self.journal is None or not sends:
            return
        since = min(send.intent_at for send in sends if send.intent_at).date()
        found: dict[tuple[str, int], Line] = self.journal.found(
            {send.reference for send in sends}, since=since
        )
        for send in sends:
            line = found.get((send.reference, send.attempts))
            self._read[send.reference, send.attempts] = line.evidence if line else None

    def _silence_tells(self, session: Session, send: Send) -> bool:
        """Asked once a minute for all sends of one minute: thousands may wait for hours where no feed is."""
        now = self.clock()
        if send.intent_at is None or now < send.intent_at + SILENT_FOR:
            return False
        # The next full minute: whatever is proved of it is proved of all that began before.
        minute = (send.intent_at + _MINUTE - timedelta.resolution).replace(second=0, microsecond=0)
        asked_at, told = self._silence.get(minute, (None, False))
        if asked_at is None or now - asked_at >= _MINUTE:
            told = is_silence_evidence(session, minute, baseline=self._usual(session, now), now=now)
            self._silence[minute] = (now, told)
        return told

    def _usual(self, session: Session, now: datetime) -> float:
        if self._baseline is None or now - self._baseline[0] > BASELINE_FOR:
            self._baseline = (now, usual_share(session, now=now))
            self._silence.clear()
        return self._baseline[1]


def asked(provider: Provider, send: Send) -> bool | None:
    """What the provider itself can prove about this send; most can prove nothing on the spot."""
    was_accepted = getattr(provider, "was_accepted", None)
    return was_accepted(send.reference, send.attempts) if was_accepted else None


def _accept(session: Session, send: Send, *, now: datetime) -> None:
    send.state, send.reason, send.finished_at = State.ACCEPTED, Reason.ACCEPTED, now
    send.lease_token = None
    _close_attempt(session, send, kind="ok", error="", now=now)


def _try_again(session: Session, send: Send, *, kind: str, error: str, now: datetime) -> None:
    # Planned anew first: the facts may have changed while nobody knew.
    send.state, send.ready_at, send.lease_token = State.RETRY_WAIT, now, None
    if not send.resends:
        send.left_at = None
    _close_attempt(session, send, kind=kind, error=error, now=now)


def _close_attempt(session: Session, send: Send, *, kind: str, error: str, now: datetime) -> None:
    attempt = session.scalar(_ATTEMPT, {"of": send.id, "number": send.attempts})
    if attempt:
        attempt.kind, attempt.finished_at, attempt.error = kind, now, error or attempt.error


_ATTEMPT = select(Attempt).where(Attempt.send_id == bindparam("of"), Attempt.number == bindparam("number"))
