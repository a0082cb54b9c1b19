"""`runup campaigns history`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from campaigns import Campaign
from campaigns.version import CampaignVersion, read_version
from runup.cli.campaigns_plan import Key
from runup.cli.errors import BadInput
from runup.cli.opening import opened
from runup.cli.plan_words import changed_files, say_difference
from runup.cli.shelf import stored_key
from runup.cli.terminal import say, show
from scheduler.superseded import how_many

_COLUMNS = {"number": "No", "applied_at": "Applied", "applied_by": "By", "affected": "People",
            "what": "What"}  # fmt: skip


def history(campaign: Key = "", /, *, diff: int | None = None, json: bool = False) -> None:
    """Every version of a campaign, the newest first: when, by whom, why, and what it changed.

    Parameters
    ----------
    diff
        Show what this version changed in the files, line by line.
    json
        Print JSON: number, version, applied_at, applied_by, note, copy_of, counts (what its plan said; empty
        for what was applied by itself), files (what changed in them).
    """
    with opened() as application, application.database.read() as session:
        key = stored_key(application, campaign)
        if diff is not None:
            files = read_version(session, key, diff)
            if files is None:
                raise BadInput(f"{key} has no version {diff}; see `runup campaigns history {key}`")
            say_difference(read_version(session, key, diff - 1), files)
            return
        versions = session.scalars(
            select(CampaignVersion)
            .where(CampaignVersion.campaign == key)
            .order_by(CampaignVersion.number.desc())
        ).all()
        rows = [_row(session, version) for version in versions]
        stored = session.get(Campaign, key)
        behind = how_many(session, key, number=stored.number) if stored else 0
    show(rows, _COLUMNS, as_json=json, empty=f"{key} has no version yet.")
    if behind and not json:
        say(f"{behind:,} people are still to be planned by the newest; nothing of theirs leaves before.")


def _row(session: Any, version: CampaignVersion) -> dict[str, Any]:
    counts = version.counts()
    before = read_version(session, version.campaign, version.number - 1)
    after = read_version(session, version.campaign, version.number)
    files = changed_files(before, after) if before and after else []
    return {
        "number": version.number,
        "version": version.version,
        "applied_at": version.applied_at,
        "applied_by": version.applied_by,
        "note": version.note,
        "copy_of": version.copy_of,
        "counts": counts,
        "files": files,
        "affected": counts.get("affected", ""),
        "what": _what(version, files),
    }


def _what(version: CampaignVersion, files: list[str]) -> str:
    if version.number == 1:
        return version.note or "as it was first seen"
    back = f"back to version {version.copy_of}; " if version.copy_of else ""
    changed = ", ".join(files[:2]) + (f" and {len(files) - 2} more files" if len(files) > 2 else "")
    return f"{back}{version.note or changed}"
