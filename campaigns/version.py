"""A version of a campaign as it was applied: its files, for good."""

from __future__ import annotations

import json
import zlib
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaigns.errors import CampaignError
from campaigns.source_files import CampaignFiles, version_of
from runup.database import Base


class CampaignVersion(Base):
    """One version, never changed once written. What leaves is written and timed by the newest one."""

    __tablename__ = "campaign_version"

    campaign: Mapped[str] = mapped_column(ForeignKey("campaign.key"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    """From 1; a rollback is a new number too."""
    version: Mapped[str] = mapped_column(String(64))
    """What names the files; the same files have the same name."""
    files: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    applied_at: Mapped[datetime]
    applied_by: Mapped[str] = mapped_column(String(100), default="")
    note: Mapped[str] = mapped_column(String(500), default="")
    copy_of: Mapped[int | None]
    """The version whose files these are, where it was rolled back to."""
    effect: Mapped[str] = mapped_column(Text, default="{}")
    """What its plan said it would change, as JSON; empty for the first."""

    def counts(self) -> dict[str, Any]:
        """What the plan said before it was applied; empty for what was applied by itself."""
        found: dict[str, Any] = json.loads(self.effect)
        return found


def pack(files: CampaignFiles) -> bytes:
    """The texts, small enough to keep every version of years."""
    return zlib.compress(json.dumps(dict(sorted(files.texts.items())), ensure_ascii=False).encode(), 9)


def read_version(session: Session, campaign: str, number: int) -> CampaignFiles | None:
    """The files of a version, or None when there is no such version.

    Raises CampaignError when they are not what was applied: somebody has changed the row.
    """
    found = session.execute(
        select(CampaignVersion.files, CampaignVersion.version).where(
            CampaignVersion.campaign == campaign, CampaignVersion.number == number
        )
    ).one_or_none()
    return None if found is None else _unpack(campaign, number, found.files, found.version)


def _unpack(campaign: str, number: int, packed: bytes, version: str) -> CampaignFiles:
    try:
        texts = json.loads(zlib.decompress(packed))
    except (zlib.error, ValueError):
        texts = {}
    if version_of(texts) != version:
        raise CampaignError(
            f"{campaign}, version {number}", 0, "its files in the database are damaged; apply another version"
        )
    return CampaignFiles(campaign, texts, version)
