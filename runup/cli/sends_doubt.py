"""`runup sends doubt`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from runup.cli.opening import opened
from runup.cli.status import ago, length
from runup.cli.terminal import print_json, show
from scheduler import Send
from scheduler.doubt import deadline, goes_once_more, in_doubt, may_go_once_more
from scheduler.feed import SILENT_FOR
from subscribers import masked

_COLUMNS = {
    "id": "No", "subscriber": "Who", "step": "Step", "since": "In doubt", "silence": "If nothing is heard",
    "end": "At the latest",
}  # fmt: skip
_KEYS = ("id", "campaign", "step", "subscriber_id", "attempts", "intent_at", "expires_at", "on_unknown")


def doubt(*, limit: int = 50, json: bool = False) -> None:
    """What may or may not have left, and what will become of each and when.

    An event of the provider settles it at once, however late it comes. Where the feed of events is healthy,
    silence lets it go once more; after a second attempt nothing does.

    Parameters
    ----------
    limit
        How many at most; 0 for all.
    json
        Print JSON: id, campaign, step, subscriber_id, subscriber (shortened), attempts, intent_at,
        expires_at, on_unknown (drop, resend), silence_counts_at (null after a second attempt), deadline,
        then (resend, unknown).
    """
    with opened() as application, application.database.read() as session:
        now = application.clock()
        rows = [
            _row(send, now)
            for send in _all(session, limit)
        ]  # fmt: skip
    if json:
        print_json([{key: row[key] for key in row if key not in ("since", "silence", "end")} for row in rows])
        return
    show(rows, _COLUMNS, as_json=False, empty="Nothing is in doubt.")


def _all(session: Session, limit: int) -> list[Send]:
    found: list[Send] = []
    while page := in_doubt(session, after=found[-1].id if found else 0):
        found += page
        if limit and len(found) >= limit:
            return found[:limit]
    return found


def _row(send: Send, now: datetime) -> dict[str, Any]:
    assert send.intent_at
    silence, end = send.intent_at + SILENT_FOR if may_go_once_more(send) else None, deadline(send)
    then = "resend" if goes_once_more(send) else "unknown"
    row: dict[str, Any] = {key: getattr(send, key) for key in _KEYS}
    return row | {
        "subscriber": masked(send.subscriber.address),
        "silence_counts_at": silence,
        "deadline": end,
        "then": then,
        "since": f"for {length(now - send.intent_at)}",
        "silence": _silence(silence, end, now),
        "end": f"{ago(end, now)}: {_THEN[then]}",
    }


_THEN = {"resend": "sent once more, blindly", "unknown": "ends as unknown"}


def _silence(silence: datetime | None, end: datetime, now: datetime) -> str:
    if silence is None:
        return "it has gone once more already"
    if silence >= end:
        return "the time is too short to tell"
    when = "now" if silence <= now else ago(silence, now)
    return f"{when}: sent again, if the feed is healthy"
