"""How issues, their readers and their moments read in a terminal."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from campaigns.newsletter import NewsletterIssue
from runup.cli.terminal import show_pairs
from scheduler.audience_count import AudienceCount

_SUPPRESSED = {
    "unsubscribed": "unsubscribed",
    "bounced": "their address bounced",
    "complained": "complained",
    "erased": "erased",
    "by_operator": "suppressed by you",
    "paused": "have paused all emails",
}


def number(value: int) -> str:
    return f"{value:,}"


def moment_words(at: datetime | None, local_on: date | None, local_time: time | None) -> str:
    """`2026-12-04 09:00Z`, `2026-12-04 09:00 on each reader's clock`, or nothing."""
    if at is not None:
        return f"{at:%Y-%m-%d %H:%M}Z"
    if local_on is not None and local_time is not None:
        return f"{local_on} {local_time:%H:%M} on each reader's clock"
    return ""


def state_words(row: NewsletterIssue | None) -> str:
    """Where it stands, in a word or two; `written` while there is only a file."""
    if row is None:
        return "written"
    return f"{row.state}, paused" if row.paused_at is not None else str(row.state)


def count_facts(count: AudienceCount) -> dict[str, Any]:
    """For programs."""
    return {
        "on_list": count.on_list,
        "receives": count.receives,
        "held": count.held,
        "not_admitted": count.not_admitted,
        "suppressed": count.suppressed,
        "unanswerable": count.unanswerable,
        "failure": count.failure,
    }


def show_count(count: AudienceCount, *, list_name: str, audience: str) -> None:
    """For people: what adds up to the list, line by line."""
    pairs = [("On the list", f"{number(count.on_list)} ({list_name})")]
    if audience:
        pairs.append(("Not asked for", f"{number(count.not_admitted)} of whom `{audience}` does not hold"))
    for reason, many in count.suppressed.items():
        pairs.append(("Not written to", f"{number(many)}: {_SUPPRESSED.get(reason, reason)}"))
    if count.unanswerable:
        pairs.append(("No answer", f"{number(count.unanswerable)}: {count.failure}"))
    pairs.append(("Get it", number(count.receives)))
    if count.held:
        pairs.append(("Of those later", f"{number(count.held)}, after an email of their own day"))
    show_pairs(pairs)


def span_words(span: timedelta) -> str:
    """`3 h 20 min`, `45 s`."""
    seconds = round(span.total_seconds())
    if seconds < 60:
        return f"{seconds} s"
    minutes = -(-seconds // 60)
    days, hours = divmod(minutes // 60, 24)
    parts = [(days, "d"), (hours, "h"), (minutes % 60 if not days else 0, "min")]
    return " ".join(f"{many} {unit}" for many, unit in parts if many)
