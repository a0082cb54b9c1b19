from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Exists,
    ScalarSelect,
    and_,
    bindparam,
    case,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from campaigns.enrollment import Campaign, Enrollment
from campaigns.newsletter import NewsletterIssue
from runup.database import Instant
from scheduler.asking import asked_too_often, mailbox_fellows
from scheduler.claiming import CALL, is_running
from scheduler.draft import Draft
from scheduler.holding import held_for_their_day
from scheduler.send import Attempt, Send, State
from subscribers.interview import Interview
from subscribers.lists import Subscription, is_theirs
from subscribers.subscriber import Subscriber
from subscribers.suppression import EVERYTHING, Reason, Suppression

GUARD = timedelta(seconds=5)
"""The longest time between the intent and the call."""


@dataclass(frozen=True)
class Verdict:
    """`passed` may be called once the transaction is durable. `close` comes too soon after another email to
    the same person, and may try again at the moment given."""

    passed: set[int]
    close: dict[int, datetime]


def intend(
    session: Session, drafts: Sequence[Draft], *, token: str, gaps: Mapping[str, timedelta], now: datetime
) -> Verdict:
    """The last checks and the durable intent, for all of `drafts` in one transaction.

    `gaps`: per campaign, the shortest time between two emails to one address.

    Locks campaigns and issues, then subscribers, then sends, as everybody does: an unsubscribe, a move or a
    pause is either before this and seen, or after it. Each row changes by its own condition or not at all.
    """
    _lock(session, drafts)
    close = _too_close(session, drafts, gaps=gaps, now=now) | asked_too_often(session, drafts, now=now)
    close |= held_for_their_day(session, drafts, gaps=gaps, now=now)
    spaced = [draft.send_id for draft in drafts if draft.send_id not in close]
    values = {"ids": spaced, "token": token, "now": now, "call_ends": now + CALL + GUARD}
    passed = set(session.scalars(_INTEND, values)) if spaced else set()
    return Verdict(passed, close)


def write_attempts(
    session: Session, drafts: Collection[Draft], *, worker: str, provider: str, now: datetime
) -> None:
    """Each intent by its number, in the transaction of the intent: no call without a row that names it."""
    if drafts:
        session.execute(
            _NEW_ATTEMPTS,
            [
                {
                    "send_id": draft.send_id,
                    "number": draft.attempt,
                    "worker": worker,
                    "provider": provider,
                    "intent_at": now,
                    "kind": "",
                    "status": 0,
                    "provider_message_id": "",
                    "error": "",
                }
                for draft in drafts
            ],
        )


_NEW_ATTEMPTS = insert(Attempt.__table__)  # type: ignore[arg-type]


def _lock(session: Session, drafts: Collection[Draft]) -> None:
    if session.get_bind().dialect.name == "sqlite":
        return  # BEGIN IMMEDIATE: nobody else writes until we have committed
    session.execute(
        select(Campaign.key)
        .where(Campaign.key.in_({draft.campaign for draft in drafts}))
        .order_by(Campaign.key)
        .with_for_update(read=True)
    )
    if issues := {draft.issue.id for draft in drafts if draft.issue}:
        session.execute(
            select(NewsletterIssue.id)
            .where(NewsletterIssue.id.in_(issues))
            .order_by(NewsletterIssue.id)
            .with_for_update(read=True)
        )
    session.execute(
        select(Subscriber.id)
        .where(
            or_(
                Subscriber.id.in_({draft.subscriber_id for draft in drafts}),
                # Who shares a mailbox may be asked by another worker in this very moment.
                Subscriber.mailbox_hmac.in_(mailbox_fellows(drafts)),
            )
        )
        .order_by(Subscriber.id)
        .with_for_update()
    )


def _too_close(
    session: Session, drafts: Sequence[Draft], *, gaps: Mapping[str, timedelta], now: datetime
) -> dict[int, datetime]:
    """Those whose subscriber got another email within the gap, or gets one in this very batch.

    The plan keeps the gap; this catches what left later than it was planned to.
    """
    people = [draft.subscriber_id for draft in drafts if draft.waits_for_gap]
    values = {"people": people, "themselves": [draft.send_id for draft in drafts]}
    left = dict(session.execute(_LATEST, values).all())
    close: dict[int, datetime] = {}
    # What does not wait is counted first.
    for draft in sorted(drafts, key=lambda draft: draft.waits_for_gap):
        latest = left.get(draft.subscriber_id)
        if draft.waits_for_gap and latest and latest + gaps[draft.campaign] > now:
            close[draft.send_id] = latest + gaps[draft.campaign]
        elif draft.counts_for_gap:
            left[draft.subscriber_id] = now
    return close


_LATEST = (
    select(Send.subscriber_id, func.max(Send.left_at))
    .where(Send.subscriber_id.in_(bindparam("people", expanding=True)))
    .where(Send.counts_for_gap, Send.left_at.is_not(None))
    # One that goes once more keeps no distance to its own first attempt.
    .where(Send.id.not_in(bindparam("themselves", expanding=True)))
    .group_by(Send.subscriber_id)
)


def _agrees_with_its_person() -> Exists:
    """Planned from the facts as they are now, for somebody we may write to."""
    forbidden = exists(
        select(Suppression.id).where(
            Suppression.address_hmac == Subscriber.address_hmac,
            or_(Suppression.scope == EVERYTHING, Suppression.scope == _list_of_issue()),
            or_(Send.needs_consent, Suppression.reason.not_in((Reason.UNSUBSCRIBED, Reason.ERASED))),
        )
    ).correlate(Send, Subscriber)
    return exists(
        select(Subscriber.id).where(
            Subscriber.id == Send.subscriber_id,
            # An issue follows from no plan; it is enough that the person's plan knows all that happened.
            Subscriber.epoch
            == case((Send.issue_id.is_not(None), Subscriber.planned_epoch), else_=Send.epoch),
            Subscriber.address_hmac.is_not(None),
            ~forbidden,
        )
    ).correlate(Send)


def _is_of_an_old_version() -> Exists:
    """Planned by another version of its campaign than the one that counts now."""
    return exists(
        select(Enrollment.id)
        .join(Campaign, Campaign.key == Enrollment.campaign)
        .where(Enrollment.id == Send.enrollment_id, Enrollment.planned_number != Campaign.number)
    ).correlate(Send)


def _list_of_issue() -> ScalarSelect[str]:
    of_send = select(NewsletterIssue.list_key).where(NewsletterIssue.id == Send.issue_id)
    return of_send.correlate(Send).scalar_subquery()


def _is_confirmed() -> ColumnElement[bool]:
    """The person has said yes to this very thing: the interview, or the list of the issue."""
    interview = exists(
        select(Enrollment.id)
        .join(Interview, Interview.id == Enrollment.interview_id)
        .where(Enrollment.id == Send.enrollment_id, Interview.confirmed_at.is_not(None))
    )
    place = exists(
        select(Subscription.id).where(
            Subscription.subscriber_id == Send.subscriber_id,
            Subscription.list_key == _list_of_issue(),
            is_theirs(),
        )
    )
    return or_(and_(Send.enrollment_id.is_not(None), interview), and_(Send.issue_id.is_not(None), place))


# Built once: a statement built anew for each batch costs as much as the database takes to run it.
_CALL_ENDS = bindparam("call_ends", type_=Instant())
"""At the latest: it may begin GUARD after the intent."""
_INTEND = (
    update(Send.__table__)  # type: ignore[arg-type]  # a mapped class's table is a Table
    .where(
        Send.id.in_(bindparam("ids", expanding=True)),
        Send.state == State.CLAIMED,
        Send.lease_token == bindparam("token"),
        Send.lease_until > _CALL_ENDS,
        Send.expires_at >= _CALL_ENDS,
        is_running(),
        ~_is_of_an_old_version(),
        _agrees_with_its_person(),
        or_(~Send.needs_consent, _is_confirmed()),
    )
    .values(
        state=State.SENDING,
        intent_at=bindparam("now", type_=Instant()),
        left_at=bindparam("now", type_=Instant()),
        attempts=Send.attempts + 1,
        claims=0,
    )
    .returning(Send.__table__.c.id)
)
