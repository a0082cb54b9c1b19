"""Addresses that the receiving server itself refuses while it is spoken to: a bounce that needs no letter."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from scheduler.outcomes import Answer
from scheduler.send import Send
from subscribers import suppression
from subscribers.subscriber import Subscriber


def of_gone_addresses(answers: Sequence[Answer]) -> list[int]:
    """The sends whose recipients do not exist, by the word of the server that would know."""
    return sorted({answer.send_id for answer in answers if answer.outcome.is_address_gone})


def give_up(session: Session, sends: Sequence[int], *, now: datetime) -> int:
    """Write to these people no more; returns to how many that was news. Harmless to repeat.

    In a transaction of its own: subscribers are locked before sends, and the sends have been recorded.
    """
    # Somebody who has changed nothing since: an erased person has no address left to give up.
    found = (
        select(Subscriber.address_hmac)
        .join(Send, Send.subscriber_id == Subscriber.id)
        .where(Send.id.in_(sends), Subscriber.address_hmac.is_not(None))
        .order_by(Subscriber.id)
    )
    gone = [hmac for hmac in dict.fromkeys(session.scalars(found)) if hmac]
    return sum(suppression.suppress(session, hmac, suppression.Reason.BOUNCED, now=now) for hmac in gone)
