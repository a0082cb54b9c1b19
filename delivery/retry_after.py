"""How long a provider asks us to wait."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_LONGEST = 24 * 3600.0


def seconds_to_wait(headers: Mapping[str, str], *, fallback: datetime) -> float | None:
    """Seconds from Retry-After (a number or a date), else from X-RateLimit-Reset; None without either.

    `headers` has names in lower case. Moments are measured against the reply's own Date, so that our clock
    does not matter, or `fallback` without one. Between 0 and a day; what cannot be read counts as absent.
    """
    now = _moment(headers.get("date", "")) or fallback
    wish = headers.get("retry-after", "").strip()
    if wish.isascii() and wish.isdigit():
        return min(float(wish), _LONGEST)
    if (until := _moment(wish)) is not None:
        return _between(until, now)
    reset = headers.get("x-ratelimit-reset", "").strip()
    if reset.isascii() and reset.isdigit() and len(reset) <= 10:
        return _between(datetime.fromtimestamp(int(reset), UTC), now)
    return None


def _between(until: datetime, now: datetime) -> float:
    return min(max((until - now).total_seconds(), 0.0), _LONGEST)


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
