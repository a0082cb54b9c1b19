"""What would leave if nothing stopped it: for the operator who is asked whether it may."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from scheduler.claiming import CALL, is_running
from scheduler.send import WAITING, Send, is_in


@dataclass(frozen=True)
class Waiting:
    """What is due at a moment. Planning looks at it once more before it leaves and may leave some of it out:
    it is the most that can leave."""

    by_step: dict[str, int]
    first: tuple[Send, ...]
    """The ten that would leave first, with their subscribers."""
    ending: int
    """Sends whose expiry has passed: they end without leaving."""

    @property
    def count(self) -> int:
        return sum(self.by_step.values())


def waiting(session: Session, *, now: datetime, most: int = 10) -> Waiting:
    due = (is_in(*WAITING), Send.ready_at <= now, Send.expires_at >= now + CALL, is_running())
    by_step = select(Send.step, func.count()).where(*due).group_by(Send.step)
    first = session.scalars(select(Send).where(*due).order_by(Send.expires_at, Send.id).limit(most)).all()
    for send in first:
        assert send.subscriber is not None  # read while the session is open
    over = select(func.count()).where(is_in(*WAITING), Send.expires_at < now + CALL, is_running())
    return Waiting(
        by_step=dict(session.execute(by_step.order_by(func.count().desc(), Send.step)).all()),
        first=tuple(first),
        ending=session.scalar(over) or 0,
    )
