"""The three proofs of an operator: a password, the code of an app, and codes on paper for when it is lost."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from threading import BoundedSemaphore

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

SHORTEST, LONGEST = 12, 1_000
RECOVERY_CODES = 8
_SECONDS = 30
_DRIFT = 1
"""Half minutes by which a telephone's clock may be wrong."""
_HASHER = PasswordHasher()
_AT_ONCE = BoundedSemaphore(2)
"""Each hash takes 64 MB: a crowd at the door must not fill the memory."""


def why_too_weak(password: str, name: str) -> str:
    """Empty, or what is wrong with it, for whoever chose it."""
    if len(password) < SHORTEST:
        return f"a password has at least {SHORTEST} characters; some words in a row are good"
    if len(password) > LONGEST:
        return f"a password has at most {LONGEST:,} characters"
    if len(set(password)) < 5 or name in password.lower():
        return "this password is easy to guess"
    return ""


def hash_password(password: str) -> str:
    with _AT_ONCE:
        return _HASHER.hash(password)


def is_password(password: str, hashed: str | None) -> bool:
    """With `hashed` None it takes as long and is false: nobody can tell whether there is such an operator."""
    stand_in = _nobody()
    with _AT_ONCE:
        try:
            _HASHER.verify(hashed or stand_in, password)
        except (VerificationError, InvalidHashError):
            return False
    return hashed is not None


@cache
def _nobody() -> str:
    return _HASHER.hash(secrets.token_urlsafe(32))


def new_totp_key() -> str:
    return pyotp.random_base32()


def totp_address(key: str, name: str, issuer: str) -> str:
    """What the picture says that an app reads."""
    return pyotp.TOTP(key).provisioning_uri(name=name, issuer_name=issuer)


def totp_step(key: str, code: str, *, now: datetime) -> int | None:
    """The half minute that `code` belongs to, this one or a neighbor; None for a wrong code. Whether it was
    used before is the caller's to know."""
    typed = code.replace(" ", "")
    if len(typed) != 6 or not (typed.isascii() and typed.isdigit()):
        return None
    current = int(now.timestamp()) // _SECONDS
    totp = pyotp.TOTP(key)
    matching = [
        step
        for step in range(current - _DRIFT, current + _DRIFT + 1)
        if secrets.compare_digest(totp.at(step * _SECONDS), typed)
    ]
    return max(matching, default=None)


def sealed(key: str, secret_keys: Sequence[str]) -> str:
    """`key` as it may lie in a database or a backup of it."""
    return _box(secret_keys).encrypt(key.encode()).decode()


def unsealed(text: str, secret_keys: Sequence[str]) -> str | None:
    """None when none of these keys sealed it: they were changed, and the old one was not kept."""
    try:
        return _box(secret_keys).decrypt(text.encode()).decode()
    except InvalidToken:
        return None


def _box(secret_keys: Sequence[str]) -> MultiFernet:
    return MultiFernet(
        [
            Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"runup.totp." + key.encode()).digest()))
            for key in secret_keys
        ]
    )


def new_recovery_codes() -> list[str]:
    """Sixteen letters and digits each, in groups that can be copied by hand."""
    codes = (base64.b32encode(secrets.token_bytes(10)).decode().lower() for _ in range(RECOVERY_CODES))
    return ["-".join(code[at : at + 4] for at in range(0, 16, 4)) for code in codes]


def digest(secret: str) -> str:
    """For what is random enough that nobody finds it by trying: recovery codes, cookies."""
    return hashlib.sha256(secret.encode()).hexdigest()


def recovery_digest(code: str) -> str:
    """As it was typed: in upper or lower case, with or without the dashes."""
    return digest("".join(c for c in code.lower() if c.isalnum()))
