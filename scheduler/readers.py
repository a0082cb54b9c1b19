"""What one reader did with our emails: theirs to read, and gone when they are."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from scheduler.reaction import Reaction, ReactionKind, Target
from scheduler.send import Send

_COUNTED = (ReactionKind.CLICKED, ReactionKind.OPENED)


def reactions_of(session: Session, subscriber_id: int) -> list[dict[str, Any]]:
    """Everything kept, machines' too, as plain values: what, which email, which link, when (aware UTC)."""
    found = (
        select(Reaction.kind, Send.campaign, Send.step, Target.url, Reaction.at, Reaction.machine)
        .join(Send, Send.id == Reaction.send_id)
        .outerjoin(Target, Target.id == Reaction.target_id)
        .where(Send.subscriber_id == subscriber_id)
        .order_by(Reaction.at, Reaction.id)
    )
    return [dict(row) for row in session.execute(found).mappings()]


def forget_reader(session: Session, subscriber_id: int) -> None:
    """Clicks and opens of somebody who is erased. That an email was called spam is kept, as a number."""
    theirs = select(Send.id).where(Send.subscriber_id == subscriber_id)
    session.execute(
        delete(Reaction)
        .where(Reaction.send_id.in_(theirs), Reaction.kind.in_(_COUNTED))
        .execution_options(synchronize_session=False)
    )
