"""Operators come and go by the command line alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from runup.operators.rows import Operator, OperatorSession, RecoveryCode
from runup.operators.secrets import new_recovery_codes, new_totp_key, recovery_digest, sealed

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")


class UnknownOperator(ValueError):
    """There is nobody of that name."""


@dataclass(frozen=True)
class Access:
    """What an operator needs besides the password; shown once and kept nowhere as it is here."""

    totp_key: str = field(default_factory=new_totp_key, repr=False)
    recovery_codes: Sequence[str] = field(default_factory=new_recovery_codes, repr=False)


def parse_name(name: str) -> str:
    """In lower case. Raises ValueError."""
    if not _NAME.fullmatch(name.lower()):
        raise ValueError("a name has letters, digits, dots and dashes, 40 at most")
    return name.lower()


def find(session: Session, name: str) -> Operator | None:
    return session.scalar(select(Operator).where(Operator.name == name.lower()))


def anybody(session: Session) -> bool:
    """Whether there is an operator at all: without one there is no /ops."""
    return session.scalar(select(Operator.id).limit(1)) is not None


def everybody(session: Session) -> list[Operator]:
    return list(session.scalars(select(Operator).order_by(Operator.name)))


def add(
    session: Session, name: str, password_hash: str, access: Access, *, keys: Sequence[str], now: datetime
) -> Operator:
    """`keys`: those that sign links, newest first. The name is nobody's yet."""
    operator = Operator(
        name=name, password_hash=password_hash, totp_key=sealed(access.totp_key, keys), created_at=now
    )
    session.add(operator)
    session.flush()
    _keep_codes(session, operator, access)
    return operator


def reset(
    session: Session, name: str, password_hash: str, access: Access, *, keys: Sequence[str]
) -> Operator:
    """A new password, a new key and new codes; all sessions end. Raises UnknownOperator."""
    operator = _known(session, name)
    operator.password_hash, operator.totp_key = password_hash, sealed(access.totp_key, keys)
    session.execute(delete(RecoveryCode).where(RecoveryCode.operator_id == operator.id))
    session.execute(delete(OperatorSession).where(OperatorSession.operator_id == operator.id))
    _keep_codes(session, operator, access)
    return operator


def remove(session: Session, name: str) -> None:
    """Sessions and codes go with the operator, at once. Raises UnknownOperator."""
    session.delete(_known(session, name))


def _known(session: Session, name: str) -> Operator:
    operator = find(session, name)
    if operator is None:
        raise UnknownOperator(name)
    return operator


def _keep_codes(session: Session, operator: Operator, access: Access) -> None:
    for code in access.recovery_codes:
        session.add(RecoveryCode(digest=recovery_digest(code), operator_id=operator.id))
