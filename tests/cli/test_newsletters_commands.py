"""Newsletters from the terminal: written, checked, counted, approved word for word, scheduled, held."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session
from terminals import Terminal

from campaigns.newsletter import IssueState, NewsletterIssue, published
from delivery.inbox import read_outbox
from runup.application import Application
from runup.settings import Settings
from scheduler import Send, State
from subscribers import Subscriber

MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)
PEOPLE = """\
email,first_name,home_zone,list,consent_at,consent_proof
ana@example.com,Ana,Europe/Berlin,newsletter,2026-11-01,paper form 1
kiri@example.com,,Pacific/Kiritimati,newsletter,2026-11-02,paper form 2
sam@example.com,Sam,America/St_Johns,newsletter,2026-11-02,paper form 3
"""


@pytest.fixture
def readers(runup: Terminal) -> Terminal:
    """Ana, Kiri and Sam are on the list, and there is a new issue for them."""
    (runup.folder / "people.csv").write_text(PEOPLE)
    runup.ok("subscribers", "import", "people.csv", "--confirmed")
    runup.ok("newsletters", "new", "december", "--subject", "Four questions")
    return runup


@pytest.fixture
def approved(readers: Terminal) -> Terminal:
    """What was approved stands in its row; the file is gone, as it may be."""
    the_file(readers).unlink()
    with writing() as session:
        session.add(
            NewsletterIssue(
                list_key="newsletter", slug="december", subject="Four questions", words="{}",
                state=IssueState.APPROVED, created_at=MONDAY, approved_at=MONDAY,
            )
        )  # fmt: skip
    return readers


def the_file(terminal: Terminal) -> Path:
    return terminal.folder / "newsletters" / "newsletter" / "december.md"


@contextmanager
def writing() -> Iterator[Session]:
    application = Application.open(Settings.load())
    try:
        with application.database.write() as session:
            yield session
    finally:
        application.close()


def work() -> None:
    """What a worker does in one go."""
    application = Application.open(Settings.load())
    worker = application.worker()
    worker.tick()
    worker.close()
    application.close()


def test_an_issue_is_approved_word_for_word_and_scheduled_only_so(readers: Terminal) -> None:
    asked = readers("newsletters", "approve", "december")
    assert (asked.code, "nothing was approved; say --hash " in asked.err) == (2, True)
    assert "Get it       3\n" in asked.out
    other = readers("newsletters", "approve", "december", "--hash", "0123456789ab")
    assert (other.code, "words or readers have changed" in other.err) == (1, True)

    looked_at = asked.err.split("--hash ")[1].split()[0]
    readers.ok("newsletters", "approve", "december", "--hash", looked_at)
    told = readers.ok("newsletters", "schedule", "december", "--local-time", "2026-12-04 09:00").out
    assert told.startswith("Leaves 2026-12-04 09:00 on each reader's clock to 3 people.\n")
    (row,) = readers.ok("newsletters", "list", "--json").json
    assert (row["issue"], row["state"]) == ("newsletter/december", "scheduled")

    the_file(readers).write_text(the_file(readers).read_text() + "\nOne more word.\n")
    again = readers("newsletters", "schedule", "december", "--at", "now")
    assert (again.code, "december.md is not what was approved" in again.err) == (1, True)
    refused = readers("newsletters", "approve", "december", "--yes")
    assert (refused.code, "what was approved stands; unschedule it first" in refused.err) == (1, True)
    readers.ok("newsletters", "unschedule", "december")
    shown = readers.ok("newsletters", "show", "december", "--json").json
    assert (shown["state"], shown["approved"]) == ("approved", looked_at)
    assert shown["file"].endswith(", changed since")


def test_an_issue_goes_from_its_file_into_the_inboxes_and_the_archive(readers: Terminal) -> None:
    the_file(readers).write_text(
        '+++\nsubject = "Hi {{ subscriber.first_name }}"\npreheader = "B"\n'
        'audience = "subscriber.first_name"\nat = 2026-11-23T08:00:00Z\n+++\n'
        "# One question\n\nWhat is hard about it, {{ subscriber.first_name }}?\n"
    )
    readers.ok("newsletters", "approve", "december", "--yes")
    told = readers.ok("newsletters", "schedule", "december").out
    assert told.startswith("Leaves 2026-11-23 08:00Z to at most 3 people.\n")
    work()
    readers.later("2026-11-23T09:00:05+00:00")
    work()
    facts = readers.ok("newsletters", "progress", "december", "--json").json
    assert (facts["state"], facts["readers"], facts["arrived"], facts["left_out"]) == ("sent", 2, 2, {})
    ana, sam = sorted(read_outbox(readers.folder / "outbox"), key=lambda email: email.recipient)
    assert (ana.recipient, ana.subject, sam.subject) == ("ana@example.com", "Hi Ana", "Hi Sam")
    assert "What is hard about it, Ana?" in ana.text
    assert "because you are on the list “The newsletter”" in ana.text
    with writing() as session:
        (kept,) = published(session, ["newsletter"])
        assert (kept.subject, "Ana" in kept.text, "Sam" in kept.html) == ("Hi", False, False)
    assert "Everybody can read it" in readers.ok("newsletters", "publish", "december").out
    again = readers("newsletters", "resend", "december", "--yes")
    assert (again.code, "0 on the list never got it." in again.out) == (1, True)


def test_an_issue_with_errors_is_not_approved(readers: Terminal) -> None:
    the_file(readers).write_text('+++\nsubject = "A"\npreheader = "B"\n+++\nHi {{ subscriber.nme }}\n')
    result = readers("newsletters", "approve", "december", "--yes")
    assert result.code == 1
    assert result.out.startswith("newsletter/december.md:5: error: `subscriber` has no `nme`")
    assert result.err == "error: an issue with errors cannot be approved\n"
    assert readers.ok("newsletters", "list", "--json").json[0]["state"] == "written"


def test_whom_a_filter_reaches_is_counted_before_anything_leaves(readers: Terminal) -> None:
    readers.ok("suppressions", "add", "sam@example.com")
    found = readers.ok(
        "newsletters", "count", "december", "--audience", "subscriber.first_name", "--json"
    ).json
    assert found == {
        "on_list": 3, "receives": 1, "held": 0, "not_admitted": 1, "suppressed": {"by_operator": 1},
        "unanswerable": 0,
        "failure": "",
    }  # fmt: skip
    out = readers.ok("newsletters", "count", "--list", "newsletter").out
    assert out == (
        "On the list     3 (The newsletter)\nNot written to  1: suppressed by you\nGet it          2\n"
    )
    wrong = readers("newsletters", "count", "december", "--audience", "subscriber.zone == 'x'")
    assert (wrong.code, wrong.err) == (
        2,
        "error: audience: column 12: `subscriber` has no `zone`; did you mean `home_zone`?\n",
    )


def test_an_issue_nobody_would_get_is_not_approved(readers: Terminal) -> None:
    text = the_file(readers).read_text()
    the_file(readers).write_text(text.replace("+++", "+++\naudience = \"'vip' in subscriber.tags\"", 1))
    result = readers("newsletters", "approve", "december", "--yes")
    assert (result.code, result.err) == (1, "error: nobody would get it; there is nothing to approve\n")
    assert "Not asked for  3 of whom `'vip' in subscriber.tags` does not hold" in result.out


def test_a_test_email_is_one_of_those_that_the_gallery_shows(readers: Terminal) -> None:
    readers.ok("newsletters", "send-test", "december", "you@example.com", "--branch", "2")
    (message,) = read_outbox(readers.folder / "outbox")
    assert message.subject == "[test] Four questions"
    assert ("List-Id", "<newsletter.runup.example.com>") in message.headers
    assert message.text.startswith("FOUR QUESTIONS\n\nHello,\n"), "the second sample reader has told no name"
    wrong = readers("newsletters", "send-test", "december", "you@example.com", "--branch", "999")
    assert (wrong.code, "there is no sample reader 999" in wrong.err) == (2, True)
    readers.ok("preview", "newsletter/december", "--export", "seen")
    page = (readers.folder / "seen" / "emails" / "newsletter-december-01.html").read_text()
    assert "runup newsletters send-test newsletter/december you@example.com --branch 1" in page


def test_an_issue_is_held_let_go_and_canceled(approved: Terminal) -> None:
    approved.ok("newsletters", "schedule", "december", "--at", "2026-12-04T09:00+01:00", "--per-hour", "2")
    facts = approved.ok("newsletters", "progress", "december", "--json").json
    assert (facts["state"], facts["begins_at"], facts["readers"]) == ("scheduled", "2026-12-04T08:00:00Z", 0)
    assert "It has not begun." in approved.ok("newsletters", "progress", "december").out
    approved.ok("newsletters", "pause", "december")
    assert approved.ok("newsletters", "list").rows[0][1] == "scheduled, paused"
    twice = approved("newsletters", "pause", "december")
    assert (twice.code, "is paused already" in twice.err) == (1, True)
    approved.ok("newsletters", "resume", "december")
    asked = approved("newsletters", "cancel", "december")
    assert (asked.code, "say --yes to cancel" in asked.err) == (2, True)
    approved.ok("newsletters", "cancel", "december", "--yes")
    late = approved("newsletters", "resend", "december", "--yes")
    assert (late.code, "only one that is sent can" in late.err) == (1, True)


def test_progress_says_who_got_it_who_will_and_why_not_the_others(approved: Terminal) -> None:
    with writing() as session:
        issue = session.query(NewsletterIssue).one()
        issue.state, issue.scheduled_at, issue.expanded_at = IssueState.SENDING, MONDAY, MONDAY
        issue.started_at = MONDAY - timedelta(minutes=5)
        for number, (state, reason) in enumerate(
            [(State.ACCEPTED, "accepted")] * 6
            + [(State.PLANNED, None)] * 2
            + [(State.BOUNCED, "accepted"), (State.IN_DOUBT, None), (State.SUPERSEDED, "condition_false")]
            + [(State.SUPPRESSED, "unsubscribed")]
        ):
            address = f"reader{number}@example.com"
            reader = Subscriber(address=address, home_zone="UTC", created_at=MONDAY, confirmed_at=MONDAY)
            session.add(reader)
            session.flush()
            session.add(
                Send(
                    issue_id=issue.id, subscriber_id=reader.id, campaign="newsletter", step="issue",
                    state=state, reason=reason, reference=f"{number:032x}", due_at=MONDAY, ready_at=MONDAY,
                    planned_at=MONDAY, epoch=0, left_at=MONDAY if reason == "accepted" else None,
                    finished_at=MONDAY if reason else None,
                )
            )  # fmt: skip
    facts = approved.ok("newsletters", "progress", "december", "--json").json
    assert {name: facts[name] for name in ("readers", "arrived", "bounced", "waiting", "in_doubt")} == {
        "readers": 12, "arrived": 7, "bounced": 1, "waiting": 2, "in_doubt": 1,
    }  # fmt: skip
    assert facts["left_out"] == {"condition_false": 1, "unsubscribed": 1}
    assert facts["readers"] == 7 + 2 + 1 + sum(facts["left_out"].values())
    out = approved.ok("newsletters", "progress", "december").out
    for line in (
        "━━━━━━━━━━━━━━━━━━━━━━────────  9 of 12, 7 a minute",
        "Got it                  7",
        "To get it               2",
        "Of those bounced        1",
        "On the wire or in doubt  1",
        "Did not get it          1: the audience does not hold for them",
        "Did not get it          1: unsubscribed",
    ):
        assert " ".join(line.split()) in " ".join(out.split()), out


def test_a_dry_run_changes_nothing(approved: Terminal) -> None:
    options = ("--at", "now", "--per-hour", "1", "--warm-up", "1,2", "--expires-after", "3d", "--dry-run")
    told = approved.ok("newsletters", "schedule", "december", *options).out
    assert told == "Would leave 2026-11-23 09:00Z to 3 people, over at least 1 d 2 h.\n"
    assert approved.ok("newsletters", "list", "--json").json[0]["state"] == "approved"


def test_an_issue_is_shown_in_the_archive_or_not(approved: Terminal) -> None:
    assert "once it is sent" in approved.ok("newsletters", "publish", "december").out
    assert approved.ok("newsletters", "show", "december", "--json").json["public"] is True
    approved.ok("newsletters", "unpublish", "december")
    facts = approved.ok("newsletters", "show", "december", "--json").json
    assert (facts["public"], facts["file"]) == (False, "not there any more")


MOMENTS: list[tuple[tuple[str, ...], str]] = [
    ((), "say when: --at 2026-12-04T09:00+01:00"),
    (("--at", "2026-12-04"), "--at: '2026-12-04' is no day and hour"),
    (("--at", "2026-12-04T09:00"), "--at: '2026-12-04T09:00' has no offset"),
    (("--local-time", "2026-12-04T09:00Z"), "--local-time: '2026-12-04T09:00Z' has an offset"),
    (("--at", "now", "--local-time", "2026-12-04 09:00"), "say --at or --local-time, not both"),
    (("--at", "now", "--expires-after", "soon"), "--expires-after: 'soon' is not a length of time"),
    (("--at", "now", "--warm-up", "many"), "--warm-up: 'many' are no numbers"),
]


def test_a_moment_that_cannot_be_is_bad_input(approved: Terminal) -> None:
    for options, told in MOMENTS:
        result = approved("newsletters", "schedule", "december", *options)
        assert (result.code, result.err[: len(told) + 7]) == (2, f"error: {told}")
    assert approved.ok("newsletters", "list", "--json").json[0]["state"] == "approved"


def test_what_has_passed_everywhere_is_refused(approved: Terminal) -> None:
    result = approved("newsletters", "schedule", "december", "--at", "2026-11-20T09:00Z")
    assert (result.code, "would be over before it begins" in result.err) == (1, True)


def test_names_that_nobody_knows_are_bad_input_with_the_nearest(readers: Terminal) -> None:
    for words, told in (
        (("show", "decembre"), "there is no issue 'decembre'; did you mean december?"),
        (
            ("pause", "december"),
            "newsletter/december is not approved yet; runup newsletters approve december",
        ),
        (("new", "newsleter/x"), "there is no list 'newsleter' in lists.toml; did you mean newsletter?"),
        (("count", "--list", "jobs"), "there is no list 'jobs' in lists.toml; there is: newsletter"),
        (("count",), "say either an issue or --list"),
        (("progress", "december", "--watch"), "--watch needs a terminal; leave it out"),
        (("aprove", "december"), "there is no command 'aprove'; did you mean approve?"),
    ):
        result = readers("newsletters", *words)
        assert (result.code, told in result.err) == (2, True), (words, result.err)
    for words, told in (
        (("new", "december"), "there is an issue of that name already"),
        (("new", "No Such"), "small letters, digits and - only"),
    ):
        result = readers("newsletters", *words)
        assert (result.code, told in result.err) == (1, True), (words, result.err)


def test_every_new_issue_passes_its_check(runup: Terminal) -> None:
    (runup.folder / "lists.toml").write_text('[weekly]\nname = "Weekly"\n\n[jobs]\nname = "Jobs"\n')
    ambiguous = runup("newsletters", "new", "december")
    assert (ambiguous.code, "say which list it is for, as in weekly/december" in ambiguous.err) == (2, True)
    runup.ok("newsletters", "new", "weekly/december", "--subject", 'A "quoted" one')
    runup.ok("newsletters", "new", "jobs/december", "--mjml")
    (runup.folder / "newsletters" / "jobs" / "broken.md").write_text("Words without a head.")
    checked = runup("newsletters", "check", "--json")
    assert checked.code == 1
    assert [(one["file"], one["line"]) for one in checked.json] == [("jobs/broken.md", 1)]
    both = runup("newsletters", "show", "december")
    assert (both.code, "the name of several issues: jobs/december, weekly/december" in both.err) == (2, True)
