"""What was heard of our emails, applied: to the sends, to their attempts, and to whom we may write."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import ColumnElement, Executable, Integer, and_, bindparam, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from campaigns.reasons import Reason
from delivery.events import EventType
from delivery.records import DeliveryRecord, count
from runup.database import Instant
from scheduler.arrivals import note_arrivals
from scheduler.gauges import Canary
from scheduler.reaction import Reaction, ReactionKind
from scheduler.returned import SOURCE as BOUNCES
from scheduler.send import ARRIVED, UNSENT, Send, State, is_in
from subscribers import suppression
from subscribers.consent import unsubscribe
from subscribers.merged import former_hashes
from subscribers.subscriber import Subscriber

MOST = 500
"""Records applied in one transaction."""

_STATE_OF_EVENT = {
    EventType.PROCESSED: State.PROCESSED,
    EventType.DEFERRED: State.DEFERRED,
    EventType.DELIVERED: State.DELIVERED,
    EventType.DROPPED: State.DROPPED,
    EventType.BOUNCED: State.BOUNCED,
    # Whoever complains, leaves, opens or clicks has got it.
    EventType.COMPLAINED: State.DELIVERED,
    EventType.UNSUBSCRIBED: State.DELIVERED,
    EventType.OPENED: State.DELIVERED,
    EventType.CLICKED: State.DELIVERED,
}
_LADDER = (
    State.ACCEPTED, State.PROCESSED, State.DEFERRED, State.DELIVERED, State.DROPPED, State.BOUNCED,
)  # fmt: skip
"""Only upwards: in whatever order, and however often, events come, the same state comes of them."""
_LIFTED = (*UNSENT, State.SENDING, State.IN_DOUBT, State.UNKNOWN, *ARRIVED)
"""Of an unsent one, too: a restored database does not remember that it has left."""
_TO_BLAME = {EventType.BOUNCED, EventType.DROPPED}


@dataclass(frozen=True)
class Heard:
    """What one transaction applied. `doubled` sends have left twice, by the feed's own word."""

    records: int = 0
    settled: int = 0
    doubled: int = 0


@dataclass(frozen=True)
class _About:
    """The send a record speaks of."""

    id: int
    subscriber_id: int
    state: State
    attempts: int
    address_hmac: str | None
    former: frozenset[str] = frozenset()
    """Other addresses of the same person, from before a merge."""

    def takes(self, record: DeliveryRecord) -> str:
        """Empty, or why the record changes nothing: the outside world may say anything."""
        theirs = {self.address_hmac, *self.former}
        if record.address_hmac and self.address_hmac and record.address_hmac not in theirs:
            return "wrong_address"
        return "" if self.state in _LIFTED else "contradicted"


def hear(session: Session, *, now: datetime, most: int = MOST) -> Heard:
    """Apply up to `most` records that were not yet. Running it again, or in another order, changes nothing.

    A send in doubt, given up as unknown or waiting for its next attempt is accepted by any event that names
    it: this is the proof that it left. Bounces and drops that blame the address, complaints and the
    provider's own unsubscribes end our writing to it. What cannot be true (another person's address, a send
    that ended without a call) is counted and changes nobody.
    """
    records = _take(session, most)
    if not records:
        return Heard()
    sends = _lock_sends(session, {record.reference for record in records})
    usable = _sort_out(session, records, sends, now=now)
    settled = _raise(session, usable, sends, now=now)
    named = {(sends[r.reference].id, r.attempt or sends[r.reference].attempts) for r in usable}
    again = [send.id for send in sends.values() if send.attempts > 1]
    doubled = note_arrivals(session, named, tried_again=again, now=now)
    count(session, "sends", "doubled", doubled, now=now)
    for record in usable:
        _note_complaint(session, record, sends[record.reference])
        _change_consent(session, record, sends[record.reference], now=now)
    for record in records:
        # The address has been compared; nobody needs it any more.
        record.applied_at, record.address_hmac = now, ""
    session.flush()
    return Heard(len(records), settled, doubled)


def _take(session: Session, most: int) -> list[DeliveryRecord]:
    return list(session.scalars(_UNHEARD, {"most": most}))


# Asked at every tick, and built once. Two workers may listen; what one has in hand the other passes over.
_UNHEARD = (
    select(DeliveryRecord)
    .where(DeliveryRecord.applied_at.is_(None))
    .order_by(DeliveryRecord.id)
    .limit(bindparam("most", type_=Integer()))
    .with_for_update(skip_locked=True)
)


def _lock_sends(session: Session, references: Collection[str]) -> dict[str, _About]:
    """The sends by reference. Their subscribers are locked first, in order, as everybody does."""
    if session.get_bind().dialect.name != "sqlite":
        people = select(Send.subscriber_id).where(Send.reference.in_(references))
        session.execute(
            select(Subscriber.id).where(Subscriber.id.in_(people)).order_by(Subscriber.id).with_for_update()
        )
    rows = session.execute(_NAMED, {"references": list(references)}).all()
    former = former_hashes(session, {row.subscriber_id for row in rows})
    return {
        row.reference: _About(
            row.id,
            row.subscriber_id,
            State(row.state),
            row.attempts,
            row.address_hmac,
            frozenset(former.get(row.subscriber_id, ())),
        )
        for row in rows
    }


_NAMED = (
    select(Send.reference, Send.id, Send.subscriber_id, Send.state, Send.attempts, Subscriber.address_hmac)
    .join(Subscriber, Subscriber.id == Send.subscriber_id)
    .where(Send.reference.in_(bindparam("references", expanding=True)))
    .order_by(Send.id)
    .with_for_update(of=Send)
)


def _sort_out(
    session: Session, records: Sequence[DeliveryRecord], sends: dict[str, _About], *, now: datetime
) -> list[DeliveryRecord]:
    """The records that may be applied. The rest is counted; what no send of ours knows is not kept."""
    usable, refused, foreign = [], defaultdict[tuple[str, str], int](int), []
    # A canary that comes back as a bounce proves nothing: of an email that arrived, bounces tell nothing.
    unknown = [r for r in records if r.reference not in sends and r.source != BOUNCES]
    canaries = _hear_canaries(session, unknown, now=now)
    for record in records:
        about = sends.get(record.reference)
        if about is None:
            if record.reference not in canaries:
                foreign.append(record)
        elif why := about.takes(record):
            refused[record.source, why] += 1
        else:
            usable.append(record)
    for record in foreign:
        refused[record.source, "foreign"] += 1
        session.delete(record)
    for (source, why), number in refused.items():
        count(session, source, why, number, now=now)
    return usable


def _hear_canaries(session: Session, records: Sequence[DeliveryRecord], *, now: datetime) -> Collection[str]:
    if not records:
        return ()
    return set(
        session.scalars(
            update(Canary)
            .where(Canary.reference.in_({record.reference for record in records}))
            .values(
                heard_at=func.coalesce(Canary.heard_at, bindparam("heard", now, type_=Canary.heard_at.type))
            )
            .returning(Canary.reference)
            .execution_options(synchronize_session=False)
        )
    )


def _raise(
    session: Session, records: Sequence[DeliveryRecord], sends: dict[str, _About], *, now: datetime
) -> int:
    """Lift each send to the highest state told of it; returns how many were not known to have left."""
    highest: dict[int, State] = {}
    for record in records:
        send, state = sends[record.reference], _STATE_OF_EVENT[EventType(record.type)]
        highest[send.id] = max(highest.get(send.id, State.ACCEPTED), state, key=_LADDER.index)
    targets: dict[State, list[int]] = defaultdict(list)
    for identity, state in highest.items():
        targets[state].append(identity)
    for state, ids in targets.items():
        session.execute(_lift_to(state), {"ids": ids, "now": now})
    known = {send.id for send in sends.values() if send.state in ARRIVED}
    return len(highest.keys() - known)


@cache
def _lift_to(state: State) -> Executable:
    higher = _LADDER[_LADDER.index(state) :]
    now = bindparam("now", type_=Instant())
    return (
        update(Send)
        .where(
            Send.id.in_(bindparam("ids", expanding=True)),
            is_in(*(lower for lower in _LIFTED if lower not in higher)),
            ~_has_left_already(),
        )
        .values(
            state=state,
            reason=Reason.ACCEPTED,
            finished_at=func.coalesce(Send.finished_at, now),
            left_at=func.coalesce(Send.left_at, Send.intent_at, now),
            lease_token=None,
            lease_until=None,
            ready_at=None,
        )
        .execution_options(synchronize_session=False)
    )


def _has_left_already() -> ColumnElement[bool]:
    """Another row of the same occasion has: that one stands for both."""
    other = aliased(Send)
    return exists(
        select(other.id).where(
            or_(
                other.enrollment_id == Send.enrollment_id,
                other.subscription_id == Send.subscription_id,
                and_(other.issue_id == Send.issue_id, other.subscriber_id == Send.subscriber_id),
            ),
            other.step == Send.step,
            other.occasion == Send.occasion,
            other.id != Send.id,
            other.state.in_(bindparam(None, ARRIVED, expanding=True, literal_execute=True)),
        )
    ).correlate(Send)


def _note_complaint(session: Session, record: DeliveryRecord, send: _About) -> None:
    """Records are forgotten after a while; that somebody called an email spam is not."""
    if record.type == EventType.COMPLAINED:
        session.add(Reaction(send_id=send.id, kind=ReactionKind.COMPLAINED, at=record.occurred_at))


def _change_consent(session: Session, record: DeliveryRecord, send: _About, *, now: datetime) -> None:
    """Whom we may not write to any more. The facts' change makes planning withdraw what is planned."""
    kind = EventType(record.type)
    if send.address_hmac is None:
        return  # erased: there is nobody left to write to
    if kind in _TO_BLAME and record.is_permanent:
        # The mailbox that refused it may be one they had before a merge.
        refused = record.address_hmac if record.address_hmac in send.former else send.address_hmac
        suppression.suppress(session, refused, suppression.Reason.BOUNCED, now=now)
    elif kind is EventType.COMPLAINED:
        suppression.suppress(session, send.address_hmac, suppression.Reason.COMPLAINED, now=now)
    elif kind is EventType.UNSUBSCRIBED:
        unsubscribe(session, session.get_one(Subscriber, send.subscriber_id), now=now)
