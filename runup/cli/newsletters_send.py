"""`runup newsletters schedule`, `unschedule`, `resend`."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from sqlalchemy.orm import Session

from campaigns.issue_front import Front
from campaigns.issue_keeping import approved_as
from campaigns.issue_words import fingerprint
from campaigns.newsletter import NewsletterIssue
from campaigns.toml_values import duration
from runup.cli.errors import BadInput, Failed
from runup.cli.issue_shelf import Issue, IssueShelf
from runup.cli.issue_words import moment_words, number, span_words
from runup.cli.newsletters import the_row
from runup.cli.opening import opened
from runup.cli.terminal import agreed, say
from scheduler.issue_readers import readers, unreached
from scheduler.issues import resend as resend_row
from scheduler.issues import schedule as schedule_row
from scheduler.issues import unschedule as unschedule_row
from scheduler.pacing import Pace

_WITHOUT_ZONE = "%Y-%m-%d %H:%M"


class Moment(NamedTuple):
    """Either `at` or the two others."""

    at: datetime | None
    local_on: date | None
    local_time: time | None


def schedule(
    issue: Issue,
    /,
    *,
    at: str = "",
    local_time: str = "",
    expires_after: str = "24h",
    per_hour: int | None = None,
    warm_up: str = "",
    dry_run: bool = False,
) -> None:
    """Say when an approved issue leaves; what its head says if neither --at nor --local-time is given.

    The file must be word for word what was approved. Scheduling again changes the moment.

    Parameters
    ----------
    at
        One moment for everybody, with its offset: 2026-12-04T09:00+01:00; or now.
    local_time
        One hour on each reader's own clock: "2026-12-04 09:00".
    expires_after
        How long after a reader's moment it may still leave to them, such as 6h or 2d.
    per_hour
        At most so many leave in an hour.
    warm_up
        At most so many on the first, second … day of sending, such as 500,1000,5000; then all the rest.
    dry_run
        Say what would happen; nothing changes.
    """
    with opened() as application:
        shelf, now = IssueShelf(application.settings), application.clock()
        with application.database.write() as session:
            row = the_row(session, shelf, issue)
            front = _require_as_approved(shelf, row)
            moment = _moment(at, local_time, front, now)
            schedule_row(
                session,
                row.id,
                now=now,
                **moment._asdict(),
                expires_after=_span(expires_after),
                per_hour=per_hour,
                warm_up=_numbers(warm_up),
            )
            told = _told(session, row)
            if dry_run:
                session.rollback()
    say(f"{'Would leave' if dry_run else 'Leaves'} {told}")
    if not dry_run:
        say(f"Next: runup newsletters progress {row.slug} --watch; pause and cancel act at once.")


def unschedule(issue: Issue, /) -> None:
    """Take an issue off the schedule before it begins; it stays approved and leaves at no moment."""
    with opened() as application, application.database.write() as session:
        row = the_row(session, IssueShelf(application.settings), issue)
        unschedule_row(session, row.id)
    say("Off the schedule. It is approved still.")


def resend(issue: Issue, /, *, also_unknown: bool = False, yes: bool = False, dry_run: bool = False) -> None:
    """Send an issue, from now on, to those of its list who certainly never got it; never to those who did.

    Parameters
    ----------
    also_unknown
        Also to those of whom nobody can tell; some of them will have it twice.
    yes
        Do it without asking.
    dry_run
        Say how many there are; nothing changes.
    """
    with opened() as application:
        shelf, now = IssueShelf(application.settings), application.clock()
        with application.database.read() as session:
            row = the_row(session, shelf, issue)
            count = unreached(session, row, also_unknown=also_unknown)
        never = "got it, or nobody can tell" if also_unknown else "got it"
        say(f"{number(count)} on the list never {never}.")
        if dry_run:
            return
        if count and not agreed(f"Send “{row.subject}” to them?", yes=yes):
            raise BadInput("nothing is sent; say --yes to send it without being asked")
        with application.database.write() as session:
            resend_row(session, row.id, now=now, also_unknown=also_unknown)
    say("It leaves from now on.")


def _require_as_approved(shelf: IssueShelf, row: NewsletterIssue) -> Front | None:
    """The head of the issue's file, which must be what was approved; None when the file is gone."""
    if f"{row.list_key}/{row.slug}" not in shelf.names:
        return None
    written = shelf.read(row.list_key, row.slug)
    mark, approved = fingerprint(shelf.compile(written).words, written.front.audience), approved_as(row)
    if mark != approved:
        raise Failed(
            f"{written.file} is not what was approved: that was {approved}, and this is {mark}. The file, "
            "its list's name or the design has changed; put it back, or approve what it is now"
        )
    return written.front


def _moment(at: str, local_time: str, front: Front | None, now: datetime) -> Moment:
    if at and local_time:
        raise BadInput("say --at or --local-time, not both")
    if at:
        return Moment(now if at == "now" else _aware(at), None, None)
    if local_time:
        wall = _naive(local_time)
        return Moment(None, wall.date(), wall.time())
    if front and front.at:
        return Moment(front.at, None, None)
    if front and front.local_time:
        return Moment(None, front.local_time.date(), front.local_time.time())
    raise BadInput("say when: --at 2026-12-04T09:00+01:00, --at now, or --local-time '2026-12-04 09:00'")


def _aware(value: str) -> datetime:
    moment = _read(value, "--at", "2026-12-04T09:00+01:00, or now")
    if moment.utcoffset() is None:
        raise BadInput(f"--at: {value!r} has no offset; write 2026-12-04T09:00+01:00, or say --local-time")
    return moment


def _naive(value: str) -> datetime:
    moment = _read(value, "--local-time", "'2026-12-04 09:00'")
    if moment.utcoffset() is not None:
        raise BadInput(f"--local-time: {value!r} has an offset, and it is on each reader's clock; say --at")
    return moment


def _read(value: str, option: str, example: str) -> datetime:
    try:
        if len(value) < len("2026-12-04T09:00"):
            raise ValueError
        return datetime.fromisoformat(value)
    except ValueError:
        raise BadInput(f"{option}: {value[:40]!r} is no day and hour; write {example}") from None


def _span(value: str) -> timedelta:
    try:
        return duration(value)
    except ValueError as error:
        raise BadInput(f"--expires-after: {error}") from None


def _numbers(value: str) -> tuple[int, ...]:
    try:
        return tuple(int(one) for one in value.replace(",", " ").split())
    except ValueError:
        raise BadInput(f"--warm-up: {value[:40]!r} are no numbers; write 500,1000,5000") from None


def _told(session: Session, row: NewsletterIssue) -> str:
    """`on 2026-12-04 09:00Z to at most 5,040 people, over at least 3 h.`"""
    many, pace = readers(session, row.list_key), Pace.of(row)
    least = f", over at least {span_words(pace.lasts(many))}" if not pace.is_free else ""
    most = "at most " if row.audience else ""
    when = moment_words(row.scheduled_at, row.local_on, row.local_time)
    return f"{when} to {most}{number(many)} people{least}."
