"""`runup status`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from runup.cli.opening import opened
from runup.cli.terminal import print_json, show_pairs
from runup.receivers import webhook_rows
from runup.reports import Status
from runup.reports import status as read_status


def status(*, json: bool = False) -> None:
    """The queue at a glance: what waits, what is late, what is in doubt, and whether anybody works.

    Parameters
    ----------
    json
        Print JSON: at, is_ticking, last_tick_at, workers, has_signed_off, note, holds, paused, pauses,
        breaker, due, late, lateness_seconds, rate, left_in_a_minute, left_in_an_hour, asked_to_wait_until,
        in_doubt, next_due_at, states, subscribers, interviews_to_come, heard_at, unusable, doubled,
        without_end, webhooks.
    """
    with opened() as application, application.database.read() as session:
        found = read_status(session, now=application.clock(), provider=application.settings.provider)
        rate = application.settings.rate
        webhooks = webhook_rows(session)
    if json:
        facts = asdict(found) | {
            "is_ticking": found.is_ticking,
            "lateness_seconds": found.lateness.total_seconds(),
            "rate": rate,
            "webhooks": webhooks,
        }
        del facts["lateness"]
        print_json(facts)
        return
    show_pairs([*_lines(found, rate), *_webhooks(webhooks)])


def _webhooks(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Only of receivers that take nothing."""
    bad = [row for row in rows if row["state"] != "on"]
    return [("Webhook", f"{r['id']} {r['state']}, {r['waiting']:,} wait; `runup webhooks list`") for r in bad]


def _lines(found: Status, rate: float) -> list[tuple[str, str]]:
    counts = ", ".join(f"{number:,} {state.replace('_', ' ')}" for state, number in found.states.items())
    late = f"; {found.late:,} late, the oldest by {length(found.lateness)}" if found.late else ""
    lines = [
        ("Worker", _worker(found)),
        ("Due now", f"{found.due:,}{late}"),
        ("Next", _next(found)),
        ("Leaving", _leaving(found, rate)),
        (
            "In doubt",
            f"{found.in_doubt:,}" + ("; `runup sends doubt` says what will happen" if found.in_doubt else ""),
        ),
        ("Feed", _feed(found)),
        ("Sends", counts or "none yet"),
        ("People", f"{found.subscribers:,}; interviews to come: {found.interviews_to_come:,}"),
    ]
    lines += [
        ("Stopped", f"{hold['detail']} ({hold['kind']}; see `runup sends release`)") for hold in found.holds
    ]
    lines += _provider(found)
    why = {pause["campaign"]: f": {pause['why']}" for pause in found.pauses}
    lines += [("Paused", f"{key}{why.get(key, '')}; `runup campaigns resume {key}`") for key in found.paused]
    return lines


def _leaving(found: Status, rate: float) -> str:
    words = f"{found.left_in_a_minute:,} in the last minute, {found.left_in_an_hour:,} in the last hour"
    words += f"; at most {rate:g} a second" if rate else ""
    waits = found.asked_to_wait_until
    return f"{words}; the provider asks us to wait until {waits:%H:%M:%S}Z" if waits else words


def _provider(found: Status) -> list[tuple[str, str]]:
    """Only of a provider that fails; the answer of one that works is that emails leave."""
    breaker = found.breaker
    if not breaker["is_open"]:
        return []
    since, again = ago(breaker["opened_at"], found.at), ago(breaker["probe_at"], found.at)
    words = f"{breaker['provider']} fails since {since}: {breaker['why']}; one email is tried {again}"
    return [("Provider", words)]


def _feed(found: Status) -> str:
    heard = "nothing was ever heard of an email that left"
    words = [f"last heard {ago(found.heard_at, found.at)}" if found.heard_at else heard]
    words += [f"{found.without_end:,} without an end after 73 hours"] if found.without_end else []
    words += [f"{found.doubled:,} left twice"] if found.doubled else []
    words += [f"{number:,} {what.replace('_', ' ')}" for what, number in found.unusable.items()]
    return "; ".join(words)


def _next(found: Status) -> str:
    if found.next_due_at is None:
        return "nothing is planned"
    return "now" if found.next_due_at <= found.at else ago(found.next_due_at, found.at)


def _worker(found: Status) -> str:
    if found.last_tick_at is None:
        return "none has run yet; `runup serve` or `runup work` starts one"
    heard = ago(found.last_tick_at, found.at)
    if not found.is_ticking and found.has_signed_off:
        return f"none; the last one ended as it was told {heard}; `runup serve` or `runup work` starts one"
    if not found.is_ticking:
        return f"silent, last heard of {heard}; `runup serve` or `runup work` starts one"
    words = f"{found.workers} at work, last tick {heard}"
    return f"{words}; {found.note}" if found.note else words


def ago(moment: datetime, now: datetime) -> str:
    """`5 minutes ago` or `in 3 hours`, with the moment itself."""
    words = f"{length(now - moment)} ago" if moment <= now else f"in {length(moment - now)}"
    return f"{words} ({moment:%Y-%m-%d %H:%M}Z)"


def length(span: timedelta) -> str:
    """A time span in its largest unit: `3 hours`."""
    seconds = int(span.total_seconds())
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            return f"{seconds // size} {unit}{'s' if seconds >= 2 * size else ''}"
    return f"{seconds} second{'' if seconds == 1 else 's'}"
