"""Logging in: a name, a password, and a code that was never used before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy import CursorResult, delete, update
from sqlalchemy.orm import Session

from runup.database import Database
from runup.operators import accounts, sessions
from runup.operators.rows import Operator, RecoveryCode
from runup.operators.secrets import is_password, new_totp_key, recovery_digest, totp_step, unsealed
from runup.operators.throttle import Attempt, count, forgive

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Login:
    """What somebody typed. `network` is where they are."""

    name: str
    password: str = field(repr=False)
    code: str = field(repr=False)
    network: str


def log_in(
    database: Database,
    login: Login,
    *,
    keys: Sequence[str],
    hmac_key: bytes,
    instead_of: str = "",
    now: datetime,
) -> str | None:
    """The cookie of a new session, or None: one answer, in about the same time, whichever of the three is
    wrong. Raises TooManyLogins."""
    name = login.name.strip().lower()
    with database.write() as session:
        attempt = count(session, Attempt.of(name, login.network, hmac_key), now=now)
    with database.read() as session:
        operator = accounts.find(session, name)
    # Outside of every transaction: it takes its time on purpose.
    is_right = is_password(login.password, operator.password_hash if operator else None)
    key = (operator and unsealed(operator.totp_key, keys)) or new_totp_key()
    step = totp_step(key, login.code, now=now)
    token = None
    if operator is not None and is_right:
        with database.write() as session:
            if _use_up(session, operator, login.code, step):
                forgive(session, attempt)
                token = sessions.begin(
                    session, session.get_one(Operator, operator.id), instead_of=instead_of, now=now
                )
    _tell(operator, login.network, has_succeeded=token is not None)
    return token


def _use_up(session: Session, operator: Operator, code: str, step: int | None) -> bool:
    """Whether the code is right and was never used; it is now. In one statement: of two that bring the same
    code at once, one is too late."""
    if step is not None:
        taken = session.execute(
            update(Operator)
            .where(
                Operator.id == operator.id,
                Operator.totp_step < step,
                Operator.password_hash == operator.password_hash,
            )
            .values(totp_step=step)
            .execution_options(synchronize_session=False)
        )
    else:
        taken = session.execute(
            delete(RecoveryCode).where(
                RecoveryCode.operator_id == operator.id, RecoveryCode.digest == recovery_digest(code)
            )
        )
    assert isinstance(taken, CursorResult)
    return taken.rowcount == 1


def _tell(operator: Operator | None, network: str, *, has_succeeded: bool) -> None:
    """A typed name that is nobody's is not logged: it may be a password in the wrong field."""
    name = operator.name if operator else "(nobody of that name)"
    if has_succeeded:
        log.info("operator_logged_in", operator=name, network=network)
    else:
        log.warning("operator_login_failed", operator=name, network=network)
