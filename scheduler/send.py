from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    bindparam,
    case,
    null,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from campaigns.enrollment import Enrollment
from campaigns.reasons import Reason
from runup.database import Base
from subscribers.subscriber import Subscriber


class State(StrEnum):
    """Where a send stands; docs/reference/delivery.md draws who may change what."""

    PLANNED = "planned"
    CLAIMED = "claimed"
    SENDING = "sending"
    RETRY_WAIT = "retry_wait"
    IN_DOUBT = "in_doubt"
    ACCEPTED = "accepted"
    PROCESSED = "processed"
    DEFERRED = "deferred"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    DROPPED = "dropped"
    EXPIRED = "expired"
    SUPPRESSED = "suppressed"
    CANCELED = "canceled"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"
    DEAD = "dead"
    UNKNOWN = "unknown"


UNSENT = (State.PLANNED, State.RETRY_WAIT, State.CLAIMED)
"""Nothing of it is on the wire: `reconcile` may move or withdraw it."""
WAITING = (State.PLANNED, State.RETRY_WAIT)
"""Nobody holds it."""
IN_FLIGHT = (State.SENDING, State.IN_DOUBT)
"""It may have left."""
ARRIVED = (
    State.ACCEPTED, State.PROCESSED, State.DEFERRED, State.DELIVERED, State.BOUNCED, State.DROPPED,
)  # fmt: skip
"""The provider took it."""
UNFINISHED = (State.ACCEPTED, State.PROCESSED, State.DEFERRED)
"""The provider took it and has not said how it ended."""
TRIED = (State.REJECTED, State.DEAD, State.UNKNOWN)
"""It was tried for good: planning does not try again."""
OPEN = (*UNSENT, *IN_FLIGHT)
LEASED = (State.CLAIMED, State.SENDING)

_STATE_OF_REASON: dict[Reason, State] = {
    Reason.ACCEPTED: State.ACCEPTED,
    Reason.EXPIRED_LATE_JOIN: State.EXPIRED,
    Reason.EXPIRED_OUTAGE: State.EXPIRED,
    Reason.PAUSED_EXPIRED: State.EXPIRED,
    Reason.PAUSED_BY_SUBSCRIBER: State.EXPIRED,
    Reason.DEFERRED_GAP: State.EXPIRED,
    Reason.DEFERRED_WINDOW: State.EXPIRED,
    Reason.UNSUBSCRIBED: State.SUPPRESSED,
    Reason.SUPPRESSED_BOUNCE: State.SUPPRESSED,
    Reason.SUPPRESSED_COMPLAINT: State.SUPPRESSED,
    Reason.SUPPRESSED_BY_OPERATOR: State.SUPPRESSED,
    Reason.UNCONFIRMED: State.SUPPRESSED,
    Reason.ERASED: State.SUPPRESSED,
    Reason.CANCELED: State.CANCELED,
    Reason.MOVED: State.SUPERSEDED,
    Reason.MERGED_INTO_CATCHUP: State.SUPERSEDED,
    Reason.CONDITION_FALSE: State.SUPERSEDED,
    Reason.OUTCOME_KNOWN: State.SUPERSEDED,
    Reason.SUPERSEDED_VERSION: State.SUPERSEDED,
    Reason.STEP_REMOVED: State.SUPERSEDED,
    Reason.DUPLICATE_ADVICE: State.SUPERSEDED,
    Reason.RENDER_ERROR: State.DEAD,
    Reason.REJECTED: State.REJECTED,
    Reason.UNKNOWN: State.UNKNOWN,
}


def final_state(reason: Reason) -> State:
    """The state a send ends in for `reason`."""
    return _STATE_OF_REASON[reason]


def _listed(states: tuple[State, ...]) -> str:
    return ", ".join(f"'{state}'" for state in states)


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


_OWNERS = ("enrollment_id", "subscription_id", "issue_id")
_OCCASION = ("enrollment_id", "step", "occasion")
_OF_PLACE = ("subscription_id", "step", "occasion")
_OF_ISSUE = ("issue_id", "subscriber_id")


class Send(Base):
    """One step to one subscriber, once: a row with a state and a reason.

    It belongs to an enrollment, to a place on a newsletter list that waits for its yes, or to an issue of a
    newsletter: exactly one of them.

    `occasion` says what it is for ("" once per enrollment, `r2` for the interview's revision 2, a moment for
    an act): at most one send per occasion is open, and at most one ever leaves. `occurrence` counts the rows
    of a step: a final row never changes, so taking a step up again is a new one. Moments are aware UTC;
    `local_at` and `zone` are the wall time they were computed from, with the tzdata release.
    """

    __tablename__ = "send"
    __table_args__ = (
        UniqueConstraint("enrollment_id", "step", "occurrence"),
        UniqueConstraint("reference"),
        CheckConstraint(
            f"(state IN ({_listed(OPEN)})) = (finished_at IS NULL)", name="final_has_a_moment"
        ),
        CheckConstraint(f"state IN ({_listed(OPEN)}) OR reason IS NOT NULL", name="final_has_a_reason"),
        CheckConstraint(
            "state <> 'sending' OR (lease_token IS NOT NULL AND intent_at IS NOT NULL)",
            name="sending_has_an_intent",
        ),
        CheckConstraint("state <> 'claimed' OR lease_token IS NOT NULL", name="claimed_has_a_lease"),
        CheckConstraint(
            f"state NOT IN ({_listed(UNSENT)}) OR due_at IS NOT NULL", name="unsent_has_a_due_moment"
        ),
        _partial("ux_send_open", *_OCCASION, where=f"state IN ({_listed(OPEN)})", unique=True),
        _partial("ux_send_left", *_OCCASION, where=f"state IN ({_listed(ARRIVED)})", unique=True),
        _partial("ix_send_ready", "ready_at", where=f"state IN ({_listed(WAITING)})"),
        _partial("ix_send_expiring", "expires_at", where=f"state IN ({_listed(WAITING)})"),
        # With the lane in front they are chosen before the indexes of all lanes, whichever was made first.
        _partial("ix_send_lane_0", "lane", "ready_at", where=f"state IN ({_listed(WAITING)}) AND lane = 0"),
        _partial("ix_send_lane_1", "lane", "expires_at", "id",
                 where=f"state IN ({_listed(WAITING)}) AND lane = 1"),
        _partial("ix_send_leased", "lease_until", where=f"state IN ({_listed(LEASED)})"),
        _partial("ix_send_in_doubt", "id", where="state = 'in_doubt'"),
        _partial("ix_send_unfinished", "left_at", where=f"state IN ({_listed(UNFINISHED)})"),
        Index("ix_send_subscriber", "subscriber_id", "left_at"),
        Index("ix_send_enrollment", "enrollment_id"),
        CheckConstraint(
            " + ".join(f"CASE WHEN {owner} IS NULL THEN 0 ELSE 1 END" for owner in _OWNERS) + " = 1",
            name="belongs_to_one",
        ),
        _partial("ux_send_place", "subscription_id", "step", "occurrence",
                 where="subscription_id IS NOT NULL", unique=True),
        _partial("ux_send_place_open", *_OF_PLACE,
                 where=f"subscription_id IS NOT NULL AND state IN ({_listed(OPEN)})", unique=True),
        _partial("ux_send_place_left", *_OF_PLACE,
                 where=f"subscription_id IS NOT NULL AND state IN ({_listed(ARRIVED)})", unique=True),
        _partial("ux_send_issue", *_OF_ISSUE, "occurrence", where="issue_id IS NOT NULL", unique=True),
        _partial("ux_send_issue_open", *_OF_ISSUE,
                 where=f"issue_id IS NOT NULL AND state IN ({_listed(OPEN)})", unique=True),
        _partial("ux_send_issue_left", *_OF_ISSUE,
                 where=f"issue_id IS NOT NULL AND state IN ({_listed(ARRIVED)})", unique=True),
        _partial("ix_send_issue_left_at", "issue_id", "left_at",
                 where="issue_id IS NOT NULL AND left_at IS NOT NULL"),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    enrollment_id: Mapped[int | None] = mapped_column(ForeignKey("enrollment.id"))
    subscription_id: Mapped[int | None] = mapped_column(ForeignKey("subscription.id"))
    """The place on a list whose confirmation this is, or the reminder of it."""
    issue_id: Mapped[int | None] = mapped_column(ForeignKey("newsletter_issue.id"))
    """The issue of a newsletter this brings; its `epoch` means nothing, the last checks ask the facts."""
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id"))
    campaign: Mapped[str] = mapped_column(String(64))
    step: Mapped[str] = mapped_column(String(40))
    occasion: Mapped[str] = mapped_column(String(40), default="")
    occurrence: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(String(32))
    detail: Mapped[str] = mapped_column(String(300), default="")
    reference: Mapped[str] = mapped_column(String(32))
    """128 random bits, the only thing of ours a provider keeps."""

    due_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    local_at: Mapped[str] = mapped_column(String(19), default="")
    zone: Mapped[str] = mapped_column(String(64), default="")
    tzdata_version: Mapped[str] = mapped_column(String(16), default="")
    planned_at: Mapped[datetime]
    """When `reconcile` last looked at it."""
    epoch: Mapped[int]
    """The subscriber's epoch it was planned at; it leaves only while that is still theirs."""
    merged: Mapped[str] = mapped_column(String(400), default="")
    """catchup only: the keys it stands for, with spaces between."""
    waits_for_gap: Mapped[bool] = mapped_column(default=True)
    counts_for_gap: Mapped[bool] = mapped_column(default=True)
    needs_consent: Mapped[bool] = mapped_column(default=True)
    asks_consent: Mapped[bool] = mapped_column(default=False)
    """It asks for consent, or reminds of that: limited per mailbox, whoever causes it."""

    ready_at: Mapped[datetime | None]
    """When it may be claimed: `due_at`, or later after a definite "not sent" or a last check that failed."""
    lease_token: Mapped[str | None] = mapped_column(String(32))
    """The claim's own secret. A send in doubt keeps it, so that an answer which comes late is still heard."""
    lease_until: Mapped[datetime | None]
    on_unknown: Mapped[str] = mapped_column(String(12), default="drop")
    """What becomes of it when nothing ever tells whether it left: `drop`, or one blind `resend`."""
    resends: Mapped[int] = mapped_column(default=0)
    """Second attempts after one that may have left, blind ones and those that silence brought; at most 1."""
    lane: Mapped[int] = mapped_column(default=0)
    """0: a person's own date; 1: a newsletter, which waits for those."""
    claims: Mapped[int] = mapped_column(default=0)
    """Claims since the last intent: a worker that dies while rendering does not do so for ever."""
    attempts: Mapped[int] = mapped_column(default=0)
    intent_at: Mapped[datetime | None]
    left_at: Mapped[datetime | None]
    """The intent after which it may have left; stays empty while it certainly has not."""
    finished_at: Mapped[datetime | None]

    enrollment: Mapped[Enrollment | None] = relationship()
    subscriber: Mapped[Subscriber] = relationship()

    def __repr__(self) -> str:
        return f"Send(id={self.id}, step={self.step!r}, state={self.state!r})"


class Attempt(Base):
    """One intent to call the provider, written before the call, and what came of it."""

    __tablename__ = "attempt"
    __table_args__ = (
        UniqueConstraint("send_id", "number"),
        Index("ix_attempt_intent_at", "intent_at"),
        _partial("ix_attempt_refused", "finished_at", where="kind = 'R'"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    send_id: Mapped[int] = mapped_column(ForeignKey("send.id"))
    number: Mapped[int]
    worker: Mapped[str] = mapped_column(String(32))
    provider: Mapped[str] = mapped_column(String(32))
    intent_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    kind: Mapped[str] = mapped_column(String(8), default="")
    """`ok`, or the letter of the error class: N, R, A, U (delivery.provider)."""
    status: Mapped[int] = mapped_column(default=0)
    provider_message_id: Mapped[str] = mapped_column(String(200), default="")
    error: Mapped[str] = mapped_column(String(300), default="")
    heard_at: Mapped[datetime | None]
    """When an event first named this very attempt. Two attempts of one send with such a moment, or with an
    `ok`, are a duplicate."""


def is_in(*states: State) -> ColumnElement[bool]:
    """Of a send: its state is one of these, written out: neither database uses a partial index for states
    that come as parameters."""
    if len(states) == 1:
        return Send.state == bindparam(None, states[0], literal_execute=True)
    return Send.state.in_(bindparam(None, states, expanding=True, literal_execute=True))


def still_left_at() -> ColumnElement[datetime | None]:
    """Of a send whose latest attempt certainly did not leave: the moment an earlier one may have."""
    return case((Send.resends > 0, Send.left_at), else_=null())


def ends_without(state: State, reason: Reason) -> dict[str, Any]:
    """The values of a send that its latest attempt ends for good. After a second attempt nobody knows: the
    first may have left, and no other state would be true."""
    return {
        "state": case((Send.resends > 0, State.UNKNOWN), else_=state),
        "reason": case((Send.resends > 0, Reason.UNKNOWN), else_=reason),
        "left_at": still_left_at(),
    }
