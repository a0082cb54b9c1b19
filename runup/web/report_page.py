"""A report as a page: figures, charts, and a table beside every chart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from runup.reports import Line, Report
from runup.reports.wording import OUTCOMES, lasting, name_of, share, span_of, why
from runup.web.charts import Amount, Range, Series, Stack, amounts, columns, ranges, stacks
from runup.web.pages import Pages, read_asset
from runup.web.palette import stylesheet

WIDE, SMALL = 880, 330
"""Pixels: a chart is drawn for both, as scaled words would be too small on a phone. The page shows one."""
_PARTS = (
    ("Delivered", "delivered"), ("Left, no word yet", "unfinished"), ("Bounced or dropped", "bounced"),
    ("Left out", "left-out"), ("In doubt", "doubt"), ("To come", "to-come"),
)  # fmt: skip

_CHARTS = ("emails", "people", "steps", "lateness", "reasons")

Draw = Callable[[str, int], Markup]


@dataclass(frozen=True)
class Figure:
    """One number above all others, and what it is a part of."""

    name: str
    number: str
    words: str = ""


def page(report: Report, pages: Pages) -> str:
    """The whole page in one file: nothing is asked of anybody when it is opened."""
    style = stylesheet(pages.brand.color) + read_asset("report.css").decode()
    return pages.render("report.html", style=Markup(style), **values(report))  # noqa: S704 - our own


def values(report: Report) -> dict[str, Any]:
    """What `_report.html` shows."""
    return {
        "report": report,
        "subject": report.campaign or "All campaigns and newsletters",
        "days": span_of(report.period),
        "figures": figures(report),
        "charts": dict.fromkeys(_CHARTS, "")
        | {name: _both(name, draw) for name, draw in _charts(report).items()},
        "label": lambda line: name_of(line, report),
        "lasting": lasting,
        "share": share,
        "why": why,
        "outcomes": [(words, report.acts.outcomes.get(key, 0)) for key, words in OUTCOMES.items()],
    }


def figures(report: Report) -> list[Figure]:
    total, acts = report.total, report.acts
    fate, late = total.fate, total.lateness
    found = [
        Figure("Emails left", f"{fate.left:,}", f"of {fate.planned:,} planned"),
        Figure("Delivered", share(fate.delivered, fate.left), f"{fate.unfinished:,} without a word yet"),
        Figure(
            "Bounced or dropped",
            share(fate.bounced + fate.dropped, fate.left),
            _of(fate.bounced, fate.dropped),
        ),
        Figure("Reported as spam", share(total.complained, fate.left), f"{acts.complained:,} emails"),
        Figure("Late by", lasting(late.median), f"median; 1 in 100 by {lasting(late.p99)} or more"),
        Figure("Signed up", f"{acts.signed_up:,}", f"{acts.confirmed:,} confirmed"),
        Figure("Unsubscribed", f"{acts.unsubscribed:,}", "people"),
    ]
    if acts.joined or acts.stopped:
        found.append(Figure("Newsletter places", f"{acts.joined:,}", f"confirmed, {acts.stopped:,} ended"))
    if total.clicked:
        found.append(
            Figure("Clicks (people)", f"{total.clicked:,}", f"emails, {share(total.clicked, fate.left)}")
        )
    if total.opened:
        found.append(
            Figure("Opens (people)", f"{total.opened:,}", f"emails, {share(total.opened, fate.left)}")
        )
    return found


def _of(bounced: int, dropped: int) -> str:
    return f"{bounced:,} bounced, {dropped:,} dropped"


def _both(name: str, draw: Draw) -> Markup:
    pictures = [
        Markup('<div class="{}">{}</div>').format(look, draw(f"{name}-{look}", width))
        for look, width in (("wide", WIDE), ("small", SMALL))
    ]
    return Markup("").join(pictures)


def _charts(report: Report) -> dict[str, Draw]:
    """Only those that have something to show."""
    found: dict[str, Draw] = {}
    if report.moments:
        found |= {"emails": _emails(report), "people": _people(report)}
    if report.lines:
        found["steps"] = _steps(report)
    if report.total.lateness.emails:
        found["lateness"] = _lateness(report)
    if report.total.fate.not_sent:
        found["reasons"] = _reasons(report)
    return found


def _emails(report: Report) -> Draw:
    fates = [moment.fate for moment in report.moments]
    series = [
        Series("Left", "delivered", [fate.left - fate.bounced - fate.dropped for fate in fates]),
        Series("Bounced or dropped", "bounced", [fate.bounced + fate.dropped for fate in fates]),
        Series("Left out", "left-out", [fate.left_out for fate in fates]),
        Series("To come, in doubt, unknown", "to-come", [f.to_come + f.in_doubt + f.unknown for f in fates]),
    ]
    days = [moment.begins_on for moment in report.moments]
    top = max(report.moments, key=lambda moment: moment.fate.planned)
    described = (
        f"Columns from {days[0]} to {days[-1]}, one per {report.span}. The most were due in that "
        f"of {top.begins_on}: {top.fate.planned:,}, of which {top.fate.left:,} left."
    )
    return lambda name, width: columns(
        name, series, days, title="Emails by the day they were due", described=described, width=width
    )


def _people(report: Report) -> Draw:
    acts = [moment.acts for moment in report.moments]
    series = [
        Series("Signed up", "signed-up", [done.signed_up for done in acts]),
        Series("Confirmed", "confirmed", [done.confirmed for done in acts]),
        Series("Unsubscribed", "bounced", [done.unsubscribed for done in acts]),
    ]
    days = [moment.begins_on for moment in report.moments]
    described = (
        f"Lines from {days[0]} to {days[-1]}, a point per {report.span}: {report.acts.signed_up:,} signed "
        f"up, {report.acts.confirmed:,} confirmed, {report.acts.unsubscribed:,} unsubscribed."
    )
    return lambda name, width: columns(
        name, series, days, title="People", described=described, width=width, as_lines=True
    )


def _steps(report: Report) -> Draw:
    found = [Stack(name_of(line, report), _parts(line)) for line in report.lines]
    described = f"A bar for each of {len(found)} steps; the table below has the same numbers."
    return lambda name, width: stacks(
        name, found, _PARTS, title="What became of each step's emails", described=described, width=width
    )


def _parts(line: Line) -> list[int]:
    fate = line.fate
    doubt = fate.in_doubt + fate.unknown
    return [
        fate.delivered, fate.unfinished, fate.bounced + fate.dropped, fate.left_out, doubt, fate.to_come,
    ]  # fmt: skip


def _lateness(report: Report) -> Draw:
    found = [
        Range(name_of(line, report), late.median, late.p95 or 0, late.p99 or 0, late.worst or 0)
        for line in report.lines
        if (late := line.lateness).median is not None
    ]
    late = report.total.lateness
    described = (
        f"Of all emails the median is {lasting(late.median)}, 95 of 100 were late by {lasting(late.p95)} at "
        f"most, 99 by {lasting(late.p99)}; the worst by {lasting(late.worst)}."
    )
    return lambda name, width: ranges(
        name, found, title="From due to accepted, by step", described=described, width=width
    )


def _reasons(report: Report) -> Draw:
    planned = report.total.fate.planned
    found = [
        Amount(why(reason).capitalize(), number, share(number, planned))
        for reason, number in report.total.fate.not_sent.most_common()
    ]
    described = f"The most frequent of {len(found)} reasons: {found[0].name}, {found[0].number:,} emails."
    return lambda name, width: amounts(
        name, found, look="left-out", title="Why emails were left out", described=described, width=width
    )
