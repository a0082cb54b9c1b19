"""`runup newsletters pause`, `resume`, `cancel`, `publish`, `unpublish`."""

from __future__ import annotations

from campaigns.newsletter import NewsletterIssue
from runup.cli.errors import BadInput
from runup.cli.issue_shelf import Issue, IssueShelf
from runup.cli.newsletters import the_row
from runup.cli.opening import opened
from runup.cli.terminal import agreed, say
from scheduler.issues import cancel as cancel_row
from scheduler.issues import pause as pause_row
from scheduler.issues import resume as resume_row


def pause(issue: Issue, /) -> None:
    """Nothing more of an issue leaves until `resume`. Acts at once, also on what is about to leave."""
    with opened() as application, application.database.write() as session:
        row = the_row(session, IssueShelf(application.settings), issue)
        pause_row(session, row.id, now=application.clock())
    say(f"Paused: nothing leaves until `runup newsletters resume {row.slug}`.")


def resume(issue: Issue, /) -> None:
    """Let a paused issue go on where it was."""
    with opened() as application, application.database.write() as session:
        row = the_row(session, IssueShelf(application.settings), issue)
        resume_row(session, row.id, now=application.clock())
    say("Resumed.")


def cancel(issue: Issue, /, *, yes: bool = False) -> None:
    """Nothing more of an issue leaves, for good. Acts at once; what has left has left.

    Parameters
    ----------
    yes
        Do it without asking.
    """
    with opened() as application:
        shelf = IssueShelf(application.settings)
        with application.database.read() as session:
            row = the_row(session, shelf, issue)
        if not agreed(f"Cancel “{row.subject}” for good?", yes=yes):
            raise BadInput("nothing was canceled; say --yes to cancel without being asked, or pause it")
        with application.database.write() as session:
            cancel_row(session, row.id, now=application.clock())
    say("Canceled: nothing more of it leaves.")


def publish(issue: Issue, /) -> None:
    """Show an issue in the public archive and its feed once it is sent, if its list is public."""
    row, shelf = _set_public(issue, is_public=True)
    found = shelf.lists.get(row.list_key)
    if found is None or not found.is_public:
        say(f"Nobody sees it yet: the list {row.list_key} is not public in lists.toml.")
    elif row.sent_at is None:
        say("Everybody can read it once it is sent.")
    else:
        say(f"Everybody can read it: /newsletter/archive/{row.list_key}/{row.slug}")


def unpublish(issue: Issue, /) -> None:
    """Take an issue out of the public archive and its feed. What readers have, they have."""
    _set_public(issue, is_public=False)
    say("It is out of the archive.")


def _set_public(issue: str, *, is_public: bool) -> tuple[NewsletterIssue, IssueShelf]:
    with opened() as application, application.database.write() as session:
        shelf = IssueShelf(application.settings)
        row = the_row(session, shelf, issue)
        row.is_public = is_public
    return row, shelf
