"""Requests for a yes are limited per mailbox, by the rows: all processes and all sources share that."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session, aliased

from campaigns.confirmations import AT_MOST, next_free
from scheduler.draft import Draft
from scheduler.send import Send
from subscribers.subscriber import Subscriber

LONGEST = max(span for span, _ in AT_MOST)

_ONE, _FELLOW = aliased(Subscriber), aliased(Subscriber)
# Built once: on the way of every sign-up, and its two names for one table take longer to write than to ask.
_ELSEWHERE = (
    select(_ONE.id, Send.left_at)
    .join(_FELLOW, (_FELLOW.mailbox_hmac == _ONE.mailbox_hmac) & (_FELLOW.id != _ONE.id))
    .join(Send, Send.subscriber_id == _FELLOW.id)
    .where(_ONE.id.in_(bindparam("people", expanding=True)))
    .where(Send.asks_consent, Send.left_at > bindparam("since"))
    .order_by(Send.left_at)
)


def asked_elsewhere(
    session: Session, people: Collection[int], *, now: datetime
) -> dict[int, tuple[datetime, ...]]:
    """By person, when other spellings of their mailbox were asked, as far back as counts; who has none is not
    in it."""
    asked: dict[int, tuple[datetime, ...]] = {}
    for person, at in session.execute(_ELSEWHERE, {"people": list(people), "since": now - LONGEST}):
        if at is not None:
            asked[person] = (*asked.get(person, ()), at)
    return asked


def mailbox_fellows(drafts: Iterable[Draft]) -> Select[str | None]:
    """The mailboxes that `drafts` ask: whoever shares one must be locked with them."""
    asked = {draft.subscriber_id for draft in drafts if draft.asks_consent}
    return select(Subscriber.mailbox_hmac).where(
        Subscriber.id.in_(asked), Subscriber.mailbox_hmac.is_not(None)
    )


def asked_too_often(session: Session, drafts: Collection[Draft], *, now: datetime) -> dict[int, datetime]:
    """Of these sends the ones that would ask a mailbox too often, each with the moment at which it may.

    The plan keeps the limits for one spelling of an address; this keeps them for all spellings together,
    whatever several processes planned at the same time.
    """
    asking = {draft.send_id for draft in drafts if draft.asks_consent}
    if not asking:
        return {}
    of_send = select(Send.id, Subscriber.mailbox_hmac).join(Subscriber, Subscriber.id == Send.subscriber_id)
    mailboxes = dict(
        session.execute(of_send.where(Send.id.in_(asking), Subscriber.mailbox_hmac.is_not(None))).all()
    )
    left = _left(session, mailboxes.values(), but=asking, now=now)
    wait: dict[int, datetime] = {}
    for send_id, mailbox in sorted(mailboxes.items()):
        free = next_free(now, left[mailbox])
        if free > now:
            wait[send_id] = free
        else:
            left[mailbox].append(now)
    return wait


def _left(
    session: Session, mailboxes: Iterable[str | None], *, but: set[int], now: datetime
) -> dict[str | None, list[datetime]]:
    found = (
        select(Subscriber.mailbox_hmac, Send.left_at)
        .join(Subscriber, Subscriber.id == Send.subscriber_id)
        .where(Subscriber.mailbox_hmac.in_(set(mailboxes)))
        # One that goes once more keeps no distance to its own first attempt.
        .where(Send.asks_consent, Send.left_at > now - LONGEST, Send.id.not_in(but))
    )
    left: dict[str | None, list[datetime]] = defaultdict(list)
    for mailbox, at in session.execute(found):
        if at is not None:
            left[mailbox].append(at)
    return left
