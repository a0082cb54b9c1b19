"""Who may look at /ops, and what proves it. Nothing here opens anything by itself if it is stolen, but for a
recovery code that somebody guesses: passwords and codes are hashed, the TOTP key is encrypted."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from runup.database import Base


class Operator(Base):
    """Somebody who may look."""

    __tablename__ = "operator"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    password_hash: Mapped[str] = mapped_column(String(200))
    totp_key: Mapped[str] = mapped_column(String(300))
    """Encrypted with a key made of `secret_keys`."""
    totp_step: Mapped[int] = mapped_column(BigInteger, default=0)
    """The half minute of the newest code that was taken: it and what came before it are used up."""
    created_at: Mapped[datetime]
    logged_in_at: Mapped[datetime | None]

    def __repr__(self) -> str:
        return f"Operator(id={self.id}, name={self.name!r})"


class RecoveryCode(Base):
    """Takes the place of a TOTP code, once. Kept as SHA-256: no guess will find its 80 random bits."""

    __tablename__ = "recovery_code"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    operator_id: Mapped[int] = mapped_column(ForeignKey("operator.id", ondelete="CASCADE"), index=True)


class OperatorSession(Base):
    """A browser that has logged in. The cookie's value is kept as SHA-256."""

    __tablename__ = "operator_session"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    operator_id: Mapped[int] = mapped_column(ForeignKey("operator.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    """To the minute: looking at a page does not write each time."""


class FailedLogin(Base):
    """One login that failed, under the hash of the name or of the network it was tried from."""

    __tablename__ = "failed_login"
    __table_args__ = (Index("ix_failed_login_who", "who", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    who: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]
