"""Browsers that have logged in. The cookie is a random value that means nothing without its row."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.orm import Session

from runup.operators.rows import Operator, OperatorSession
from runup.operators.secrets import digest

IDLE_FOR = timedelta(minutes=30)
LASTS = timedelta(hours=12)
_NOTED_EVERY = timedelta(minutes=1)


def begin(session: Session, operator: Operator, *, instead_of: str = "", now: datetime) -> str:
    """A new session; returns the cookie's value, which is stored nowhere. It never takes over a value that
    the browser brought along (`instead_of`): that session, if it was one, ends. So do all that are over."""
    end(session, instead_of)
    session.execute(delete(OperatorSession).where(_is_over(now)))
    token = secrets.token_urlsafe(32)
    session.add(OperatorSession(digest=digest(token), operator_id=operator.id, created_at=now, seen_at=now))
    operator.logged_in_at = now
    return token


def find_operator(session: Session, token: str, *, now: datetime) -> tuple[Operator, bool] | None:
    """Whose session it is, and whether it is time to note that it is used; None when there is none or it is
    over."""
    row = session.execute(
        select(Operator, OperatorSession)
        .join(OperatorSession, OperatorSession.operator_id == Operator.id)
        .where(OperatorSession.digest == digest(token), ~_is_over(now))
    ).first()
    return (row[0], now - row[1].seen_at >= _NOTED_EVERY) if row else None


def note_use(session: Session, token: str, *, now: datetime) -> None:
    """Never back in time: the later of two requests counts."""
    session.execute(
        update(OperatorSession)
        .where(OperatorSession.digest == digest(token), OperatorSession.seen_at < now)
        .values(seen_at=now)
    )


def end(session: Session, token: str) -> None:
    session.execute(delete(OperatorSession).where(OperatorSession.digest == digest(token)))


def _is_over(now: datetime) -> ColumnElement[bool]:
    return or_(OperatorSession.seen_at <= now - IDLE_FOR, OperatorSession.created_at <= now - LASTS)
