"""The doors to an issue's sending: approve, schedule, pause, resume, cancel, and send again.

Each changes one row in the caller's transaction, by its state at that moment, and raises IssueError where
that state does not allow it: nothing is changed then. What follows (sends are made, withdrawn, ended) is the
worker's, at its next tick; nothing that a pause or a cancel forbids can leave once its transaction is
durable.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.newsletter import IssueState, NewsletterIssue
from scheduler.issue_readers import readers, unreached
from scheduler.pacing import Pace, problem
from subscribers.wall_time import resolve

EXPIRES_AFTER = timedelta(hours=24)
LONGEST = timedelta(days=30)
_EASTERNMOST, _WESTERNMOST = timedelta(hours=14), timedelta(hours=-12)
"""How far the clocks of people are ahead of UTC and behind it."""


class IssueError(ValueError):
    """What was asked for is not possible as things stand; the message says why and what is."""


def approve(session: Session, issue_id: int, *, now: datetime) -> NewsletterIssue:
    """A draft is good to go. From here on its words stand (`reopen` makes it a draft again)."""
    issue = _locked(session, issue_id)
    _require(issue, "approved", IssueState.DRAFT)
    if not (issue.words and issue.subject):
        raise IssueError(f"{_name(issue)} has no words yet; write them first")
    issue.state, issue.approved_at = IssueState.APPROVED, now
    return issue


def reopen(session: Session, issue_id: int) -> NewsletterIssue:
    """Back to a draft, to be changed; what was approved or scheduled is so no more."""
    issue = _locked(session, issue_id)
    _require(issue, "made a draft again", IssueState.APPROVED, IssueState.SCHEDULED)
    issue.state, issue.approved_at = IssueState.DRAFT, None
    _forget_moment(issue)
    return issue


def schedule(
    session: Session,
    issue_id: int,
    *,
    now: datetime,
    at: datetime | None = None,
    local_on: date | None = None,
    local_time: time | None = None,
    expires_after: timedelta = EXPIRES_AFTER,
    per_hour: int | None = None,
    warm_up: Iterable[int] = (),
) -> NewsletterIssue:
    """It leaves at the moment `at` (aware; `now` means at once), or when clocks show `local_time` on
    `local_on` where each reader lives; a wall time that does not exist there is taken one gap later.

    After `expires_after` from a reader's moment it no longer leaves to them. `per_hour`, `warm_up`: see Pace;
    an issue that cannot leave within that time by these limits is refused. Scheduling one that has not begun
    changes its moment. Nobody on the list is refused too.
    """
    issue = _locked(session, issue_id)
    _require(issue, "scheduled", IssueState.APPROVED, IssueState.SCHEDULED)
    _check_moment(issue, at, local_on, local_time, expires_after, now=now)
    pace = Pace(per_hour, tuple(warm_up))
    _check_pace(session, issue, pace, expires_after)
    issue.scheduled_at = at.astimezone(UTC) if at else None
    issue.local_on, issue.local_time = local_on, local_time
    issue.expires_after = int(expires_after.total_seconds())
    issue.per_hour, issue.warm_up = pace.per_hour, " ".join(map(str, pace.warm_up))
    issue.state = IssueState.SCHEDULED
    return issue


def unschedule(session: Session, issue_id: int) -> NewsletterIssue:
    """It stays approved and leaves at no moment."""
    issue = _locked(session, issue_id)
    _require(issue, "taken off the schedule", IssueState.SCHEDULED)
    issue.state = IssueState.APPROVED
    _forget_moment(issue)
    return issue


def pause(session: Session, issue_id: int, *, now: datetime) -> NewsletterIssue:
    """Nothing more of it leaves until `resume`. What ends meanwhile ends, and can be sent again later."""
    issue = _locked(session, issue_id)
    _require(issue, "paused", IssueState.SCHEDULED, IssueState.SENDING)
    if issue.paused_at is not None:
        raise IssueError(f"{_name(issue)} is paused already; resume it or cancel it")
    issue.paused_at = now
    return issue


def resume(session: Session, issue_id: int, *, now: datetime) -> NewsletterIssue:
    """It goes on where it was."""
    issue = _locked(session, issue_id)
    if issue.paused_at is None:
        raise IssueError(f"{_name(issue)} is not paused; it is {issue.state}")
    issue.paused_at, issue.why_paused, issue.resumed_at = None, "", now
    return issue


def cancel(session: Session, issue_id: int, *, now: datetime) -> NewsletterIssue:
    """Nothing more of it leaves, for good. What has left has left: it never comes into the archive, unless
    this was only the sending to those who had not got it."""
    issue = _locked(session, issue_id)
    _require(
        issue,
        "canceled",
        IssueState.DRAFT,
        IssueState.APPROVED,
        IssueState.SCHEDULED,
        IssueState.SENDING,
    )
    issue.state = IssueState.SENT if issue.sent_at else IssueState.CANCELED
    issue.canceled_at, issue.paused_at = now, None
    return issue


def resend(
    session: Session,
    issue_id: int,
    *,
    now: datetime,
    also_unknown: bool = False,
    expires_after: timedelta = EXPIRES_AFTER,
) -> NewsletterIssue:
    """Send it, from now on, to those on the list who certainly never got it: theirs ended in time, was
    refused by the provider or could not be written. Never to anybody for whom the provider took it.

    `also_unknown`: to those too of whom nobody can tell; some of them will have it twice. Raises IssueError
    when there is nobody (`issue_readers.unreached` counts them before).
    """
    issue = _locked(session, issue_id)
    _require(issue, "sent again", IssueState.SENT)
    count = unreached(session, issue, also_unknown=also_unknown)
    if not count:
        raise IssueError(
            f"{_name(issue)} has reached everybody it could; there is nobody to send it to again"
        )
    _check_pace(session, issue, Pace.of(issue), expires_after, count=count)
    issue.scheduled_at, issue.local_on, issue.local_time = now, None, None
    issue.expires_after = int(expires_after.total_seconds())
    issue.round, issue.expanded_to, issue.expanded_at = issue.round + 1, 0, None
    issue.also_unknown, issue.canceled_at = also_unknown, None
    issue.state, issue.started_at = IssueState.SENDING, now
    return issue


def begins_at(issue: NewsletterIssue) -> datetime | None:
    """When its first reader's moment is; None when it has none."""
    if issue.scheduled_at is not None or issue.local_on is None or issue.local_time is None:
        return issue.scheduled_at
    return resolve(issue.local_on, issue.local_time, "UTC") - _EASTERNMOST


def _locked(session: Session, issue_id: int) -> NewsletterIssue:
    found = session.scalar(
        select(NewsletterIssue)
        .where(NewsletterIssue.id == issue_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise IssueError(f"there is no issue {issue_id}")
    return found


def _require(issue: NewsletterIssue, done: str, *states: IssueState) -> None:
    if issue.state not in states:
        raise IssueError(
            f"{_name(issue)} is {issue.state} and cannot be {done}; "
            f"only one that is {' or '.join(states)} can"
        )


def _name(issue: NewsletterIssue) -> str:
    return f"{issue.list_key}/{issue.slug}"


def _forget_moment(issue: NewsletterIssue) -> None:
    issue.scheduled_at = issue.local_on = issue.local_time = issue.paused_at = None


def _check_moment(
    issue: NewsletterIssue,
    at: datetime | None,
    local_on: date | None,
    local_time: time | None,
    expires_after: timedelta,
    *,
    now: datetime,
) -> None:
    if (local_on is None) != (local_time is None):
        raise IssueError("an hour where each reader lives needs a day and a time of day")
    if (at is None) == (local_on is None):
        raise IssueError("say either one moment for everybody or one hour where each reader lives")
    if at is not None and at.tzinfo is None:
        raise IssueError(f"{at} has no time zone")
    if not timedelta(minutes=1) <= expires_after <= LONGEST:
        raise IssueError(f"it may end from one minute to {LONGEST.days} days after its moment")
    last = at
    if local_on is not None and local_time is not None:
        last = resolve(local_on, local_time, "UTC") - _WESTERNMOST
    if last is not None and last + expires_after <= now:
        raise IssueError(f"{_name(issue)} would be over before it begins: that moment has passed everywhere")


def _check_pace(
    session: Session,
    issue: NewsletterIssue,
    pace: Pace,
    expires_after: timedelta,
    *,
    count: int | None = None,
) -> None:
    if wrong := problem(pace):
        raise IssueError(wrong)
    count = readers(session, issue.list_key) if count is None else count
    if not count:
        raise IssueError(f"nobody is on the list {issue.list_key!r}; there is nobody to send it to")
    if not issue.audience and (lasts := pace.lasts(count)) > expires_after:
        raise IssueError(
            f"by these limits {count} emails take {_span(lasts)}, and they end after {_span(expires_after)}; "
            "let more leave, or let them end later"
        )


def _span(span: timedelta) -> str:
    hours = -(-span // timedelta(hours=1))
    days, hours = divmod(hours, 24)
    told = [
        f"{number} {unit}{'s' * (number > 1)}" for number, unit in ((days, "day"), (hours, "hour")) if number
    ]
    return " ".join(told) or "no time"
