"""`runup newsletters`."""

from __future__ import annotations

import re
from typing import Any

from cyclopts import App
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.issue_keeping import approved_as, find_row
from campaigns.issue_words import fingerprint
from campaigns.newsletter import NewsletterIssue
from runup.cli.errors import BadInput
from runup.cli.issue_shelf import Issue, IssueShelf
from runup.cli.issue_words import moment_words, state_words
from runup.cli.opening import opened
from runup.cli.terminal import say, show, show_facts

app = App(name="newsletters", help="Write issues, see whom they reach, and send them.")
_WRITING, _APPROVING = "runup.cli.newsletters_write", "runup.cli.newsletters_approve"
_SENDING, _KEEPING = "runup.cli.newsletters_send", "runup.cli.newsletters_hold"
for _name, _where, _words in (
    ("new", _WRITING, "Begin an issue: a file to write in."),
    ("check", _WRITING, "Render an issue in every branch and say what is wrong. Exit code 1 on errors."),
    ("preview", _WRITING, "Look at an issue in every branch, in a browser or as files."),
    ("send-test", _WRITING, "Send an issue to yourself. Its links are samples."),
    ("count", _APPROVING, "How many an issue reaches, and why not the others."),
    ("approve", _APPROVING, "Say that these words may go to these readers."),
    ("schedule", _SENDING, "Say when an approved issue leaves."),
    ("unschedule", _SENDING, "Take an issue off the schedule; it stays approved."),
    ("progress", "runup.cli.newsletters_progress", "How far an issue is."),
    ("variants", "runup.cli.newsletters_variants", "How the variants of an issue fare."),
    ("decide", "runup.cli.newsletters_variants", "Let one variant of an issue win."),
    ("pause", _KEEPING, "Nothing more of an issue leaves until `resume`. Acts at once."),
    ("resume", _KEEPING, "Let a paused issue go on."),
    ("cancel", _KEEPING, "Nothing more of an issue leaves, for good. Acts at once."),
    ("resend", _SENDING, "Send an issue to those who never got it, never to those who did."),
    ("publish", _KEEPING, "Show an issue in the public archive once it is sent."),
    ("unpublish", _KEEPING, "Take an issue out of the public archive."),
):
    app.command(f"{_where}:{_name.replace('-', '_')}", name=_name, help=_words)

_CONDITIONAL = re.compile(r"\{%.*%\}")
"""What of a subject is not for everybody; in a list it would hide the rest."""
_LIST = {"issue": "Issue", "state": "State", "moment": "When", "subject": "Subject"}
_SHOW = {
    "issue": "Issue", "list": "List", "subject": "Subject", "preheader": "Preheader", "audience": "For whom",
    "state": "State", "moment": "When", "approved": "Approved as", "file": "The file is",
    "public": "In the archive", "sent_at": "Sent",
}  # fmt: skip


@app.command(name="list")
def list_(*, json: bool = False) -> None:
    """Every issue, written, approved or sent, the newest first.

    Parameters
    ----------
    json
        Print JSON: issue, state, moment, subject, approved_at, sent_at.
    """
    with opened() as application:
        shelf = IssueShelf(application.settings)
        with application.database.read() as session:
            rows = {f"{row.list_key}/{row.slug}": row for row in session.scalars(select(NewsletterIssue))}
        names = sorted({*shelf.names, *rows}, key=lambda name: (_age(rows.get(name)), name))
        show(
            [_line(shelf, name, rows.get(name)) for name in names],
            _LIST,
            as_json=json,
            empty="There is no issue yet; `runup newsletters new` makes one.",
        )


@app.command(name="show")
def show_(issue: Issue, /, *, json: bool = False) -> None:
    """One issue: what it says, to whom, where it stands, and whether its file is what was approved.

    Parameters
    ----------
    json
        Print JSON: issue, list, subject, preheader, audience, state, moment, approved, file, public, sent_at.
    """
    with opened() as application:
        shelf = IssueShelf(application.settings)
        with application.database.read() as session:
            list_key, slug = shelf.find(issue, also=known_rows(session))
            row = find_row(session, list_key, slug)
        facts = _facts(shelf, list_key, slug, row)
    show_facts(facts, _SHOW, as_json=json)
    if not json and row is None:
        say("", f"Next: runup newsletters check {slug}, then runup newsletters approve {slug}.")


def known_rows(session: Session) -> list[str]:
    """The names of the issues that have a row, whether or not their files are still there."""
    rows = session.execute(select(NewsletterIssue.list_key, NewsletterIssue.slug))
    return [f"{list_key}/{slug}" for list_key, slug in rows]


def the_row(session: Session, shelf: IssueShelf, wanted: str) -> NewsletterIssue:
    """The row of the issue somebody means. Raises BadInput where nobody has approved it yet."""
    list_key, slug = shelf.find(wanted, also=known_rows(session))
    row = find_row(session, list_key, slug)
    if row is None:
        raise BadInput(f"{list_key}/{slug} is not approved yet; runup newsletters approve {slug}")
    return row


def _age(row: NewsletterIssue | None) -> float:
    """What nobody has approved comes first, then the latest."""
    return -row.created_at.timestamp() if row else float("-inf")


def _line(shelf: IssueShelf, name: str, row: NewsletterIssue | None) -> dict[str, Any]:
    return {
        "issue": name,
        "state": state_words(row),
        "moment": _moment(row),
        "subject": row.subject if row else _subject(shelf, name),
        "approved_at": row.approved_at if row else None,
        "sent_at": row.sent_at if row else None,
    }


def _subject(shelf: IssueShelf, name: str) -> str:
    """As the file has it; a file with a fault is told by `check`, not here."""
    from campaigns.errors import CampaignError
    from campaigns.issue_file import read_issue

    try:
        return _CONDITIONAL.sub("", read_issue(shelf.folder, *name.split("/")).front.subject)
    except CampaignError as error:
        return f"({error})"


def _moment(row: NewsletterIssue | None) -> str:
    return moment_words(row.scheduled_at, row.local_on, row.local_time) if row else ""


def _facts(shelf: IssueShelf, list_key: str, slug: str, row: NewsletterIssue | None) -> dict[str, Any]:
    name, approved = f"{list_key}/{slug}", approved_as(row) if row and row.approved_at else ""
    written = shelf.read(list_key, slug) if name in shelf.names else None
    if written is None:
        assert row is not None
        facts = {"subject": row.subject, "preheader": row.preheader, "audience": row.audience}
        about_file, is_public = "not there any more", row.is_public
    else:
        front = written.front
        facts = {"subject": front.subject, "preheader": front.preheader, "audience": front.audience}
        now = fingerprint(shelf.compile(written).words, front.audience)
        about_file = f"{now}{'' if now == approved or not approved else ', changed since'}"
        is_public = row.is_public if row else front.public
    return {
        "issue": name,
        "list": shelf.lists[list_key].name if list_key in shelf.lists else list_key,
        **facts,
        "state": state_words(row),
        "moment": _moment(row),
        "approved": approved,
        "file": about_file,
        "public": is_public,
        "sent_at": row.sent_at if row else None,
    }
