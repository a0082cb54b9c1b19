"""What a backup says of itself."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from runup.settings import Settings

FORMAT = 1
"""Grows when an older runup could not read it."""


@dataclass(frozen=True)
class Fingerprints:
    """What tells the keys of a workspace from those of another, and from which no key can be learned."""

    suppression: str
    links: tuple[str, ...]
    """Of the keys that sign links, the newest first."""


@dataclass(frozen=True)
class Member:
    """One file of the backup."""

    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """`revision` is that of the tables; `database` is `sqlite` or `postgresql`; `made_at` is aware UTC."""

    made_at: datetime
    version: str
    revision: str
    tzdata: str
    database: str
    subscribers: int
    sends: int
    keys: Fingerprints
    members: Mapping[str, Member]
    format: int = FORMAT

    def to_json(self) -> bytes:
        return json.dumps(asdict(self) | {"made_at": self.made_at.isoformat()}, indent=2).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Manifest:
        """Raises ValueError, KeyError or TypeError for what is none."""
        told = json.loads(text)
        keys = told.pop("keys")
        members = {name: Member(**member) for name, member in told.pop("members").items()}
        made_at = datetime.fromisoformat(told.pop("made_at"))
        if made_at.tzinfo is None:
            raise ValueError("made_at has no time zone")
        fingerprints = Fingerprints(keys["suppression"], tuple(keys["links"]))
        return cls(made_at=made_at, keys=fingerprints, members=members, **told)


def fingerprints_of(settings: Settings) -> Fingerprints:
    """Of the keys of this workspace; of a key that is missing it is empty."""
    return Fingerprints(
        suppression=_fingerprint(settings.suppression_key.get_secret_value()),
        links=tuple(_fingerprint(key.get_secret_value()) for key in settings.secret_keys),
    )


def _fingerprint(key: str) -> str:
    # Keys have 32 random characters or more: nobody finds one by trying.
    return hmac.new(key.encode(), b"runup backup", hashlib.sha256).hexdigest()[:16] if key else ""
