"""A report as plain values, for JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from runup.reports.counting import Fate
from runup.reports.people import Acts
from runup.reports.report import Line, Report


def plain(report: Report) -> dict[str, Any]:
    """Numbers as they were counted, lateness in seconds, moments as datetimes."""
    return {
        "at": report.at,
        "campaign": report.campaign or None,
        "since": report.period.since,
        "until": report.period.until,
        "later": report.later,
        "total": _line(report.total),
        "people": _acts(report.acts),
        "steps": [
            {"campaign": line.campaign, "step": line.step, "title": line.title} | _line(line)
            for line in report.lines
        ],
        "variants": [
            {"campaign": one.campaign, "step": one.step, "variant": one.variant}
            | _fate(one.fate)
            | {"answered": one.answered}
            for one in report.variants
        ],
        "span": report.span.value,
        "over_time": [
            {"begins_on": moment.begins_on} | _fate(moment.fate) | {"people": _acts(moment.acts)}
            for moment in report.moments
        ],
    }


def _line(line: Line) -> dict[str, Any]:
    readers = {name: getattr(line, name) for name in ("complained", "unsubscribed", "opened", "clicked")}
    return _fate(line.fate) | readers | {"lateness": asdict(line.lateness)}


def _fate(fate: Fate) -> dict[str, Any]:
    names = (
        "planned", "to_come", "in_doubt", "left", "delivered", "unfinished", "bounced", "dropped", "unknown",
    )  # fmt: skip
    reasons = dict(sorted(fate.not_sent.items()))
    return {name: getattr(fate, name) for name in names} | {"left_out": fate.left_out, "reasons": reasons}


def _acts(acts: Acts) -> dict[str, Any]:
    return asdict(acts) | {"outcomes": dict(sorted(acts.outcomes.items()))}
