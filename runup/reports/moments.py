"""Arithmetic on moments inside the database, which the two databases write differently."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Float,
    Integer,
    String,
    cast,
    func,
    literal_column,
    type_coerce,
)
from sqlalchemy.orm import Session

# Written out, not as parameters: PostgreSQL must see that what is grouped by is what is selected.
_ONE, _TEN = literal_column("1", Integer), literal_column("10", Integer)
_DAY = literal_column("'YYYY-MM-DD'", String)

Moment = ColumnElement[datetime] | ColumnElement[datetime | None] | Any


def is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def of_one_moment(session: Session) -> None:
    """Let all that this session asks be answered from one state of the database. To be called first."""
    if not is_sqlite(session):
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})


def day_of(session: Session, moment: Moment) -> ColumnElement[str]:
    """The calendar day in UTC, as `2026-12-04`."""
    if is_sqlite(session):
        return func.substr(type_coerce(moment, String), _ONE, _TEN, type_=String)
    # The connection's own zone is UTC.
    return func.to_char(moment, _DAY, type_=String)


def milliseconds(session: Session, since: Moment, until: Moment) -> ColumnElement[int]:
    """Whole milliseconds from one moment to the other; negative when they are the other way round."""
    if is_sqlite(session):
        # As days in floating point they are good to a twentieth of a millisecond.
        days = func.julianday(until, type_=Float) - func.julianday(since, type_=Float)
        return cast(func.round(days * 86_400_000.0), BigInteger)
    return cast(func.round(func.extract("epoch", until - since) * 1000), BigInteger)


def least(session: Session, one: ColumnElement[int], other: int) -> ColumnElement[int]:
    return (func.min if is_sqlite(session) else func.least)(one, other, type_=BigInteger)


def greatest(session: Session, one: ColumnElement[int], other: int) -> ColumnElement[int]:
    return (func.max if is_sqlite(session) else func.greatest)(one, other, type_=BigInteger)
