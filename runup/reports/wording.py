"""Numbers of a report as people read them, in the terminal and on the page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from campaigns.reasons import PLAIN_WORDS, Reason
from runup.reports.period import Period
from runup.reports.report import Line, Report

OUTCOMES = {"offer": "offers", "next_round": "next rounds", "rejected": "rejections"}


def lasting(seconds: float | None) -> str:
    """`0.4 s`, `12 s`, `3.5 min`, `2 h`, `1.5 days`; nothing is a dash."""
    if seconds is None:
        return "-"
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{_short(seconds / size)} {unit}"
    return f"{_short(seconds)} s"


def _short(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0") if number < 10 else f"{number:.0f}"


def share(part: int, whole: int) -> str:
    """`12.3 %`; a dash where there is nothing to be a part of. Never 0 % of something or 100 % of less."""
    if not whole:
        return "-"
    percent = 100 * part / whole
    if 0 < percent < 0.05:
        return "<0.1 %"
    return f"{min(percent, 99.9) if part < whole else percent:.1f} %"


def why(reason: str) -> str:
    """A reason for not sending in plain words."""
    known = Reason._value2member_map_.get(reason)
    return PLAIN_WORDS[known] if isinstance(known, Reason) else reason.replace("_", " ")


def span_of(period: Period) -> str:
    """Which days, in UTC."""
    last = period.until - timedelta(microseconds=1)
    return f"{period.since:%Y-%m-%d} to {last:%Y-%m-%d}" if period.since else f"all until {last:%Y-%m-%d}"


def name_of(line: Line, report: Report) -> str:
    """The step; with its campaign where the report is about several."""
    several = len({other.campaign for other in report.lines}) > 1
    return f"{line.campaign}/{line.step}" if several else line.step


def outcomes(told: Mapping[str, int]) -> str:
    known = [f"{told[key]:,} {words}" for key, words in OUTCOMES.items() if told.get(key)]
    return ", ".join(known) or "none told"
