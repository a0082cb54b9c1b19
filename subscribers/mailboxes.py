"""The mailbox of people who came before it was kept."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from subscribers.address import mailbox_hmac
from subscribers.subscriber import Subscriber


def fill_mailboxes(session: Session, *, hmac_key: bytes, most: int = 1_000) -> int:
    """Tell up to `most` people's mailboxes; returns how many. Harmless to repeat; 0: all are told."""
    without = select(Subscriber).where(Subscriber.mailbox_hmac.is_(None), Subscriber.address.is_not(None))
    people = session.scalars(without.order_by(Subscriber.id).limit(most)).all()
    for person in people:
        assert person.address is not None, "asked for above"
        person.mailbox_hmac = mailbox_hmac(person.address, hmac_key)
    return len(people)
