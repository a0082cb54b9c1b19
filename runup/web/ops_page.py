"""What /ops shows: the queue at a glance, and the report its visitor asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from threading import Lock
from typing import Any

from runup.reports import Period, Report, Status, report, status
from runup.reports.wording import lasting
from runup.web.report_page import Figure, values
from runup.web.site import Site

KEPT_FOR = timedelta(seconds=30)
"""A report over a million emails takes seconds: whoever reloads sees the one that is there."""
_MOST_KEPT = 8


@dataclass(frozen=True)
class Question:
    """A period of days; None is from the beginning, and until now."""

    campaign: str = ""
    first: date | None = None
    last: date | None = None


def ask(query: Mapping[str, str], *, now: datetime) -> tuple[Question, str]:
    """What the address asks for, and what is wrong with it; then everything is shown."""
    try:
        question = Question(
            query.get("campaign", "")[:64], _day(query.get("since", "")), _day(query.get("until", ""))
        )
        Period.of_days(question.first, question.last, now=now)
    except ValueError:
        return Question(), "These days make no period; this is all of it instead."
    return question, ""


def _day(value: str) -> date | None:
    return date.fromisoformat(value) if value else None


class Ops:
    """Makes the page's values. Of several that ask for the same at once one counts and the others wait."""

    def __init__(self) -> None:
        self._kept: dict[Question, Report] = {}
        self._lock = Lock()

    def values(self, site: Site, question: Question) -> dict[str, Any]:
        app = site.application
        with app.database.read() as session:
            standing = status(session, now=site.now, provider=app.settings.provider)
        found = self._report(site, question)
        return values(found) | {
            "standing": glance(standing),
            "worries": worries(standing),
            "question": question,
            "campaigns": sorted({*app.catalog.keys(), *(line.campaign for line in found.lines)}),
        }

    def _report(self, site: Site, question: Question) -> Report:
        app, now = site.application, site.now
        with self._lock:
            kept = self._kept.pop(question, None)
            if kept is None or not timedelta() <= now - kept.at < KEPT_FOR:
                period = Period.of_days(question.first, question.last, now=now)
                with app.database.read() as session:
                    kept = report(
                        session, period=period, catalog=app.catalog, campaign=question.campaign, now=now
                    )
            self._kept[question] = kept
            while len(self._kept) > _MOST_KEPT:
                self._kept.pop(next(iter(self._kept)))
        return kept


def glance(found: Status) -> list[Figure]:
    """The queue, in a row of figures."""
    late = f"{found.late:,} late, the oldest by {_length(found.lateness)}" if found.late else "none is late"
    tick = (
        f"last tick {_length(found.at - found.last_tick_at)} ago"
        if found.last_tick_at
        else "none has run yet"
    )
    following = found.next_due_at
    return [
        Figure("Workers", f"{found.workers:,}" if found.is_ticking else "silent", tick),
        Figure("Due now", f"{found.due:,}", late),
        Figure(
            "Next email",
            _ahead(following, found.at) if following else "-",
            "" if following else "none planned",
        ),
        Figure("In doubt", f"{found.in_doubt:,}"),
        Figure(
            "Event feed", f"{_length(found.at - found.heard_at)} ago" if found.heard_at else "never heard"
        ),
        Figure("Subscribers", f"{found.subscribers:,}", f"{found.interviews_to_come:,} interviews to come"),
    ]


def worries(found: Status) -> list[str]:
    """What somebody should look at, in words; nothing on a good day."""
    words = [f"Stopped: {hold['detail']} ({hold['kind']})" for hold in found.holds]
    words += [] if found.is_ticking else ["No worker is at work: nothing leaves."]
    words += (
        [f"The provider {found.breaker['provider']} fails: {found.breaker['why']}"]
        if found.breaker["is_open"]
        else []
    )
    why = {pause["campaign"]: pause["why"] for pause in found.pauses}
    words += [f"{key} is paused" + (f": {why[key]}" if why.get(key) else "") for key in found.paused]
    words += [found.note[:1].upper() + found.note[1:]] if found.note else []
    words += [f"{found.doubled:,} emails left twice, by the feed's word"] if found.doubled else []
    words += [f"{found.without_end:,} emails have no end after 73 hours"] if found.without_end else []
    return words


def _ahead(moment: datetime, now: datetime) -> str:
    return f"in {_length(moment - now)}" if moment > now else "now"


def _length(span: timedelta) -> str:
    return lasting(round(max(span.total_seconds(), 0)))
