"""`runup newsletters progress`."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from campaigns import PLAIN_WORDS, Reason
from campaigns.newsletter import IssueState, NewsletterIssue
from runup.application import Application
from runup.cli.errors import BadInput
from runup.cli.issue_shelf import Issue, IssueShelf
from runup.cli.issue_words import moment_words, number, span_words
from runup.cli.newsletters import the_row
from runup.cli.opening import opened
from runup.cli.terminal import cell, console, print_json, say, show_pairs
from scheduler.issue_progress import Progress
from scheduler.issue_progress import progress as progress_of

_ENDED = (IssueState.DRAFT, IssueState.APPROVED, IssueState.SENT, IssueState.CANCELED)
_OF_ISSUES: dict[str, str] = {
    Reason.CONDITION_FALSE: "the audience does not hold for them",
    Reason.CANCELED: "it was canceled",
    Reason.EXPIRED_OUTAGE: "it could not leave to them in time",
    Reason.PAUSED_EXPIRED: "it was paused until their moment was over",
    Reason.PAUSED_BY_SUBSCRIBER: "they have paused all emails",
    Reason.RENDER_ERROR: "it could not be written for them, or the audience has no answer about them",
    Reason.SUPERSEDED_VERSION: "they were sent it anew",
}
"""What these say of an issue; elsewhere they are about interviews."""
_BAR = 30
"""Characters of the bar."""


def progress(issue: Issue, /, *, watch: bool = False, json: bool = False) -> None:
    """How far an issue is: who got it, who is still to get it, who does not and why, and when it ends.

    Parameters
    ----------
    watch
        Stay, and show it every second until it ends; on a terminal only.
    json
        Print JSON: issue, state, is_paused, is_complete, begins_at, readers, waiting, in_doubt, arrived,
        bounced, left_out by reason, per_second, ends_at.
    """
    if watch and (json or not sys.stdout.isatty()):
        raise BadInput("--watch needs a terminal; leave it out, and ask again when you like")
    with opened() as application:
        shelf = IssueShelf(application.settings)
        with application.database.read() as session:
            row = the_row(session, shelf, issue)
        if watch:
            _watch(application, row)
        found = _progress(application, row)
        if json:
            print_json(_progress_facts(row, found))
        else:
            _show_progress(row, found, now=application.clock())


def _progress(application: Application, row: NewsletterIssue) -> Progress:
    with application.database.read() as session:
        return progress_of(session, row.id, now=application.clock())


def _progress_facts(row: NewsletterIssue, found: Progress) -> Mapping[str, Any]:
    facts = asdict(found)
    del facts["issue_id"]
    return {"issue": f"{row.list_key}/{row.slug}"} | facts | {"left_out": dict(found.left_out)}


def _watch(application: Application, row: NewsletterIssue) -> None:
    """Until it ends, or somebody presses Ctrl-C; the last look stays on the screen."""
    from rich.live import Live
    from rich.text import Text

    with Live(console=console(), transient=True, auto_refresh=False) as live:
        while True:
            found = _progress(application, row)
            live.update(Text(_line(found, application.clock())), refresh=True)
            if found.state in _ENDED:
                return
            time.sleep(1)


def _show_progress(row: NewsletterIssue, found: Progress, *, now: datetime) -> None:
    has_begun = found.readers > 0 or found.state == IssueState.SENDING
    say(f"“{row.subject}”", _line(found, now) if has_begun else "It has not begun.", "")
    begins = moment_words(row.scheduled_at, row.local_on, row.local_time)
    pairs = [
        ("State", f"{found.state}{', paused' if found.is_paused else ''}"),
        ("Begins", begins or "-"),
        ("Got it", number(found.arrived)),
        ("To get it", f"{number(found.waiting)}{', and more to come' if _grows(found) else ''}"),
    ]
    if found.bounced:
        pairs.append(("Of those bounced", number(found.bounced)))
    if found.in_doubt:
        pairs.append(("On the wire or in doubt", number(found.in_doubt)))
    for reason, many in found.left_out.items():
        pairs.append(("Did not get it", f"{number(many)}: {_words(reason)}"))
    show_pairs([*pairs, ("Ends", cell(found.ends_at))])


def _rate(per_second: float) -> str:
    return f"{per_second:,.0f} a second" if per_second >= 1 else f"{per_second * 60:.0f} a minute"


def _grows(found: Progress) -> bool:
    """Some readers are not counted yet."""
    return not found.is_complete and found.state in (IssueState.SCHEDULED, IssueState.SENDING)


def _line(found: Progress, now: datetime) -> str:
    """`━━━━━━╸─────  1,200 of 5,040, 20 a second, 3 min left`"""
    settled = found.readers - found.waiting - found.in_doubt
    share = settled / found.readers if found.readers else 0.0
    filled = int(share * _BAR)
    parts = [f"{number(settled)} of {number(found.readers)}"]
    if found.per_second:
        parts.append(_rate(found.per_second))
    if found.ends_at and found.ends_at > now:
        parts.append(f"{span_words(found.ends_at - now)} left")
    if found.is_paused:
        parts.append("paused")
    return f"{'━' * filled}{'─' * (_BAR - filled)}  {', '.join(parts)}"


def _words(reason: str) -> str:
    if reason in _OF_ISSUES:
        return _OF_ISSUES[reason]
    known = {one.value for one in Reason}
    return PLAIN_WORDS[Reason(reason)] if reason in known else reason
