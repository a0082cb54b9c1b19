"""A report in the terminal: numbers, and bars small enough to stand beside them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from runup.cli.terminal import console, say, show, show_pairs
from runup.reports import Line, Report
from runup.reports.variants import VariantCount
from runup.reports.wording import lasting, name_of, outcomes, share, span_of, why

# None as high as the line: those of lines below each other would run together.
_BLOCKS = "▁▂▃▄▅▆▇"
_BAR = "━"
_NARROW, _WIDE = 100, 120
_STEPS = {
    "step": "Step", "planned": "Planned", "left": "Left", "delivered": "Delivered", "bounced": "Bounced",
    "complained": "Spam", "unsubscribed": "Goodbye", "clicked": "Clicked", "left_out": "Left out",
    "median": "Median", "p95": "p95", "p99": "p99", "worst": "Worst", "trend": "Over time",
}  # fmt: skip
_VARIANTS = {
    "step": "Step", "variant": "Variant", "left": "Left", "delivered": "Delivered", "bounced": "Bounced",
    "answered": "Answered", "rate": "Rate",
}  # fmt: skip
_NUMBERS = tuple(key for key in _STEPS if key not in ("step", "trend"))
_COUNTS = tuple(key for key in _VARIANTS if key not in ("step", "variant"))
_ONLY_WIDE = ("delivered", "unsubscribed", "p99", "median")
_ALL = "all"


def tell(report: Report) -> None:
    """The whole of it on a terminal; in a pipe the steps alone, a line each, the last one their sum."""
    if not sys.stdout.isatty():
        show(_steps(report, 40), _columns(report, 1_000), as_json=False, empty="")
        return
    width = console().width
    say(f"{report.campaign or 'All campaigns and newsletters'}, {span_of(report.period)} (UTC)", "")
    show_pairs(_totals(report))
    if not report.moments:
        say("", "Nothing was due, and nobody signed up, in that time.")
        return
    say("", f"Over time, by {report.span}, {_ends(report)}:")
    show_pairs(_over_time(report, width - 32))
    say("")
    steps = _aligned(_steps(report, 12 if width < _WIDE else 24), _STEPS, _NUMBERS)
    show(steps, _columns(report, width), as_json=False, empty="No email was due.")
    _tell_variants(report)
    if report.total.fate.not_sent:
        say("", "Not sent, and why:")
        _draw_reasons(report, width)


def _tell_variants(report: Report) -> None:
    if report.variants:
        say("", "Emails with variants:")
        rows = [_variant(one, report) for one in report.variants]
        show(_aligned(rows, _VARIANTS, _COUNTS), _VARIANTS, as_json=False, empty="")
        say(*report.verdicts)


def _variant(one: VariantCount, report: Report) -> dict[str, Any]:
    name = one.step if report.campaign else f"{one.campaign}/{one.step}"
    numbers = (one.fate.left, one.fate.delivered, one.fate.bounced, one.answered)
    shown = [f"{number:,}" for number in numbers]
    rate = share(one.answered, one.fate.left)
    return dict(zip(_VARIANTS, (name, one.variant, *shown, rate), strict=True))


def _totals(report: Report) -> list[tuple[str, str]]:
    fate, late, acts = report.total.fate, report.total.lateness, report.acts
    words = f"{fate.planned:,} planned: {fate.left:,} left, {fate.left_out:,} left out"
    words += f", {fate.to_come:,} to come" if fate.to_come else ""
    words += f", {fate.in_doubt:,} in doubt" if fate.in_doubt else ""
    words += f", {fate.unknown:,} nobody knows of" if fate.unknown else ""
    words += f"; {report.later:,} more wait for a later moment" if report.later else ""
    heard = [f"{number:,} {name}" for name, number in (
        ("delivered", fate.delivered), ("without a word yet", fate.unfinished),
        ("bounced", fate.bounced), ("dropped", fate.dropped),
    ) if number]  # fmt: skip
    lines = [
        ("Emails", words),
        ("Of those", ", ".join(heard) or "none left"),
        (
            "Lateness",
            f"median {lasting(late.median)}, p95 {lasting(late.p95)}, p99 {lasting(late.p99)}, "
            f"worst {lasting(late.worst)}",
        ),
        (
            "Readers",
            f"{acts.complained:,} called it spam, {acts.unsubscribed:,} unsubscribed{_clicks(report)}",
        ),
        ("People", f"{acts.signed_up:,} signed up, {acts.confirmed:,} confirmed"),
        ("Newsletters", f"{acts.joined:,} places confirmed, {acts.stopped:,} ended"),
        ("Outcomes", outcomes(acts.outcomes)),
    ]
    lines = [line for line in lines if line[0] != "Newsletters" or acts.joined or acts.stopped]
    return lines if late.emails else [line for line in lines if line[0] != "Lateness"]


def _clicks(report: Report) -> str:
    """Only where somebody asks for them: elsewhere there are none."""
    total = report.total
    words = f", {total.clicked:,} emails clicked in by people" if total.clicked else ""
    return words + (f", {total.opened:,} opened by people" if total.opened else "")


def _ends(report: Report) -> str:
    return f"{report.moments[0].begins_on} to {report.moments[-1].begins_on}"


def _over_time(report: Report, room: int) -> list[tuple[str, str]]:
    rows = {
        "Left": [moment.fate.left for moment in report.moments],
        "Bounced": [moment.fate.bounced for moment in report.moments],
        "Left out": [moment.fate.left_out for moment in report.moments],
        "Signed up": [moment.acts.signed_up for moment in report.moments],
        "Confirmed": [moment.acts.confirmed for moment in report.moments],
        "Unsubscribed": [moment.acts.unsubscribed for moment in report.moments],
    }
    return [
        (title, f"{sparkline(numbers, room)}  most {max(numbers):,}")
        for title, numbers in rows.items()
        if any(numbers)
    ]


def sparkline(numbers: Sequence[int], room: int) -> str:
    """One character per number, or per some neighbors where there is less room; nothing is a dot."""
    per = -(-len(numbers) // max(room, 1))
    sums = [sum(numbers[at : at + per]) for at in range(0, len(numbers), per)] if per else []
    top = max(sums, default=0)
    return "".join(_BLOCKS[(number * len(_BLOCKS) - 1) // top] if number else "·" for number in sums)


def _columns(report: Report, width: int) -> dict[str, str]:
    left_out = set(_ONLY_WIDE if width < _WIDE else ())
    left_out |= set() if report.total.clicked else {"clicked"}
    left_out |= {"worst"} if width < _NARROW else set()
    return {key: title for key, title in _STEPS.items() if key not in left_out}


def _steps(report: Report, room: int) -> list[dict[str, Any]]:
    rows = [_step(line, name_of(line, report), room) for line in report.lines]
    return [*rows, _step(report.total, _ALL, room)] if rows else []


def _aligned(
    rows: list[dict[str, Any]], titles: Mapping[str, str], numbers: Iterable[str]
) -> list[dict[str, Any]]:
    """Numbers below each other, as wide as the widest or as their title."""
    wide = {key: max(len(row[key]) for row in rows) for key in numbers if rows}
    return [
        row | {key: row[key].rjust(max(width, len(titles[key]))) for key, width in wide.items()}
        for row in rows
    ]


def _step(line: Line, name: str, room: int) -> dict[str, Any]:
    late = line.lateness
    numbers = {
        "planned": line.fate.planned, "left": line.fate.left, "delivered": line.fate.delivered,
        "bounced": line.fate.bounced, "complained": line.complained, "unsubscribed": line.unsubscribed,
        "clicked": line.clicked, "left_out": line.fate.left_out,
    }  # fmt: skip
    return {"step": name, "trend": sparkline(line.left_over_time, room)} | {
        key: f"{number:,}" for key, number in numbers.items()
    } | {name: lasting(getattr(late, name)) for name in ("median", "p95", "p99", "worst")}  # fmt: skip


def _draw_reasons(report: Report, width: int) -> None:
    found = report.total.fate.not_sent.most_common()
    words = max(len(why(reason)) for reason, _ in found)
    digits = max(len(f"{number:,}") for _, number in found)
    room = max(width - words - digits - 12, 4)
    for reason, number in found:
        bar = _BAR * max(1, round(room * number / found[0][1]))
        part = share(number, report.total.fate.planned)
        say(f"  {why(reason):<{words}}  {number:>{digits},}  {part:>7}  {bar}"[:width])
