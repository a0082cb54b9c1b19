"""`runup newsletters count` and `approve`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from campaigns.audience import Audience, AudienceError
from campaigns.errors import CampaignError
from campaigns.issue_file import IssueFile
from campaigns.issue_keeping import find_row, keep
from campaigns.issue_words import CompiledIssue, fingerprint
from campaigns.newsletter import IssueState, NewsletterIssue
from runup.application import Application
from runup.cli.errors import BadInput, Failed
from runup.cli.issue_shelf import Issue, IssueShelf
from runup.cli.issue_words import count_facts, show_count
from runup.cli.opening import opened
from runup.cli.terminal import agreed, print_json, progress, say
from scheduler.audience_count import AudienceCount, count_audience
from scheduler.issue_readers import readers
from scheduler.issues import approve as approve_row
from scheduler.issues import reopen


def count(
    issue: Issue = "", /, *, list_: Annotated[str, Parameter(name="--list")] = "", audience: str = "",
    json: bool = False,
) -> None:  # fmt: skip
    """How many an issue reaches as things stand, and why not the others. Nobody is left out unsaid.

    Parameters
    ----------
    list_
        In place of an issue: a list, by its key.
    audience
        A filter to try in place of the issue's own, such as "has_upcoming".
    json
        Print JSON: on_list, receives, held, not_admitted, suppressed by reason, unanswerable, failure.
    """
    with opened() as application:
        shelf = IssueShelf(application.settings)
        if bool(issue) == bool(list_):
            raise BadInput("say either an issue or --list")
        written = shelf.read(*shelf.find(issue)) if issue else None
        found = shelf.list_of(written.list_key if written else list_)
        source = audience or (written.front.audience if written else "")
        counted = _count(application, shelf, found.key, source)
    if json:
        print_json(count_facts(counted))
    else:
        show_count(counted, list_name=found.name, audience=source)


def approve(
    issue: Issue,
    /,
    *,
    hash_: Annotated[str, Parameter(name="--hash")] = "",
    yes: bool = False,
    dry_run: bool = False,
) -> None:
    """Say that these words may go to these readers. Only what is approved can be scheduled, word for word.

    Shows how many get it, and the hash of words and audience together. Exit code 1 when the check finds
    errors.

    Parameters
    ----------
    hash_
        Approve without being asked, if the hash is this one: that of what was looked at.
    yes
        Approve without being asked.
    dry_run
        Show what would be approved.
    """
    with opened() as application:
        shelf = IssueShelf(application.settings)
        written = shelf.read(*shelf.find(issue))
        with application.database.read() as session:
            _require_open(find_row(session, written.list_key, written.slug))
        compiled, mark = _checked(shelf, written, hash_)
        counted = _count(application, shelf, written.list_key, written.front.audience)
        say(f"“{compiled.archive.subject}”", "")
        show_count(counted, list_name=shelf.lists[written.list_key].name, audience=written.front.audience)
        say("", f"These words to these readers: {mark}")
        _require_sense(counted)
        if dry_run:
            return
        if not agreed("Approve it?", yes=yes or bool(hash_)):
            raise BadInput(f"nothing was approved; say --hash {mark} to approve exactly this")
        _store(application, written, compiled)
    say(f"Approved. Next: runup newsletters schedule {written.slug} --at MOMENT, or --local-time 'DAY HOUR'.")


def _checked(shelf: IssueShelf, written: IssueFile, hash_: str) -> tuple[CompiledIssue, str]:
    """The issue compiled, and its hash, once the check has found no error in it."""
    try:
        compiled = shelf.compile(written)
    except CampaignError:
        say(*map(str, shelf.check(written)))  # all that is wrong, not the first of it
        raise Failed("an issue with errors cannot be approved") from None
    mark = fingerprint(compiled.words, written.front.audience)
    if hash_ and hash_ != mark:
        raise Failed(f"--hash is {hash_}, and this is {mark}: words or readers have changed; look again")
    findings = shelf.check(written, compile_too=False)
    say(*map(str, findings))
    if any(finding.severity == "error" for finding in findings):
        raise Failed("an issue with errors cannot be approved")
    return compiled, mark


def _count(application: Application, shelf: IssueShelf, list_key: str, source: str) -> AudienceCount:
    try:
        audience = Audience.parse(source, lists=list(shelf.lists))
    except AudienceError as error:
        raise BadInput(f"audience: {error}") from None
    with application.database.read() as session:
        total = readers(session, list_key)
        with progress("Counting", total, unit="readers") as advance:
            return count_audience(session, list_key, audience, now=application.clock(), counted=advance)


def _require_sense(counted: AudienceCount) -> None:
    if not counted.receives:
        raise Failed("nobody would get it; there is nothing to approve")
    if counted.unanswerable:
        raise Failed("the filter must have an answer for everybody on the list; see No answer above")


def _require_open(row: NewsletterIssue | None) -> None:
    if row is not None and row.state not in (IssueState.DRAFT, IssueState.APPROVED):
        hint = "; unschedule it first" if row.state == IssueState.SCHEDULED else ""
        raise Failed(f"{row.slug} is {row.state}, and what was approved stands{hint}")


def _store(application: Application, written: IssueFile, compiled: CompiledIssue) -> None:
    now = application.clock()
    with application.database.write() as session:
        row = find_row(session, written.list_key, written.slug)
        _require_open(row)
        if row is not None and row.state == IssueState.APPROVED:
            reopen(session, row.id)
        row = keep(session, written, compiled, now=now)
        approve_row(session, row.id, now=now)
