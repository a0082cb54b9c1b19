"""How `runup simulate` tells what came of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from delivery.provider import Provider
from runup.cli.sending_words import SEND_COLUMNS, send_row
from runup.cli.status import length
from runup.cli.terminal import print_json, say, show
from runup.crowd import Course, Result, in_order
from runup.proofreading import Everything
from runup.simulation import Life
from runup.totals import Tally, Totals
from scheduler import Line, told, worth_telling

_TOTALS = {"step": "Step", "when": "When", "left": "Left", "not_sent": "Not sent", "why": "Why"}


def tell_one(course: Course, life: Life, *, provider: Provider | None, as_json: bool) -> None:
    everything, tally = Everything(course.composer, provider), Tally()
    ((number, life),) = in_order([life])
    played = course.play(number, life, everything)
    tally.add(played)
    sends = sorted(played.rehearsal.sends, key=lambda send: send.occurrence)
    for place, send in enumerate(sends, start=1):
        send.id = place
    zone = life.form.home_zone
    lines = told([(send, number, zone) for send in sends], catalog=course.composer.catalog)
    result = Result(tally, everything.written, everything.broken)
    counted = _totals(course, result)
    if as_json:
        _print_as_json(counted, result, emails=lines)
        return
    show([send_row(line) for line in worth_telling(lines)], SEND_COLUMNS, as_json=False, empty="nothing")
    _say_totals(counted, result)


def tell_crowd(result: Result, course: Course, *, as_json: bool) -> None:
    counted = _totals(course, result)
    if as_json:
        _print_as_json(counted, result)
        return
    show(_rows(counted), _TOTALS, as_json=False, empty="nothing")
    _say_totals(counted, result)
    if counted.busiest_at:
        say(f"The busiest hour is {counted.busiest_at:%a %Y-%m-%d %H:%M}Z with {counted.busiest:,} emails.")
    say(f"{result.written:,} emails that differ in more than names and dates were written.")


def _totals(course: Course, result: Result) -> Totals:
    return result.tally.totals([step.key for step in course.sequence.steps])


def _say_totals(counted: Totals, result: Result) -> None:
    left = sum(counted.left.values())
    words = f"{left:,} left, {counted.open:,} still open"
    say("", f"People: {counted.people:,}. Planned sends: {counted.sends:,}; {words}.")
    say(f"The latest left {length(counted.latest)} after it was due.")
    for stop in counted.stops:
        say(f"Workers would have stopped {stop}; here somebody let them go on (`runup sends release`).")
    for step, why in result.broken.items():
        say(f"{step} cannot be written for somebody: {why}")


def _rows(counted: Totals) -> list[dict[str, Any]]:
    return [
        {
            "step": step,
            "when": counted.when.get(step, ""),
            "left": f"{counted.left.get(step, 0):,}",
            "not_sent": f"{sum(counted.not_sent.get(step, {}).values()):,}",
            "why": ", ".join(
                f"{number:,} {reason}" for reason, number in counted.not_sent.get(step, {}).items()
            ),
        }
        for step in counted.steps
    ]


def _print_as_json(counted: Totals, result: Result, *, emails: list[Line] | None = None) -> None:
    facts = asdict(counted) | {"latest_seconds": counted.latest.total_seconds()}
    del facts["latest"], facts["steps"]
    facts |= {"written": result.written, "broken": result.broken}
    print_json(facts | ({} if emails is None else {"emails": [asdict(line) for line in emails]}))
