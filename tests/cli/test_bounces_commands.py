"""Reading by hand what has come back."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select
from terminals import Terminal, add_ana

from runup.application import Application
from runup.settings import Settings
from scheduler import Send

ADDRESS = "bounces+{reference}@runup.example.com"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "mail" / "bounces"
    for name in ("new", "cur", "tmp"):
        (made / name).mkdir(parents=True)
    monkeypatch.setenv("RUNUP_BOUNCE_ADDRESS", ADDRESS)
    monkeypatch.setenv("RUNUP_BOUNCE_MAILBOX", f"maildir:{made}")
    return made


def reference_of_the_welcome() -> str:
    """Of the one email that leaves now."""
    application = Application.open(Settings.load())
    worker = application.worker()
    worker.tick()
    worker.close()
    with application.database.read() as session:
        reference = session.scalars(select(Send.reference).where(Send.step == "welcome")).one()
    application.close()
    return reference


def bounce(reference: str, status: str) -> bytes:
    return f"""From: MAILER-DAEMON@mail.runup.example.com
To: {ADDRESS.format(reference=reference + ".1")}
Message-ID: <{status}@mail.runup.example.com>
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.runup.example.com

Final-Recipient: rfc822; ana@example.com
Action: failed
Status: {status}
""".encode()


def test_a_refused_recipient_becomes_a_suppression_and_a_full_mailbox_does_not(
    either: Terminal, folder: Path
) -> None:
    add_ana(either)
    reference = reference_of_the_welcome()
    (folder / "new" / "1.full").write_bytes(bounce(reference, "5.2.2"))
    (folder / "new" / "2.junk").write_bytes(b"Subject: You have won\n\nClick here")
    assert either.ok("bounces", "read", "--json").json == {
        "messages": 2,
        "events": 1,
        "new": 1,
        "unusable": {"foreign": 1},
        "applied": 1,
    }
    assert either.ok("suppressions", "list", "--json").json == []
    (folder / "new" / "3.nobody").write_bytes(bounce(reference, "5.1.1"))
    assert either.ok("bounces", "read").out.split("\n")[0].split() == ["Messages", "read", "1"]
    (row,) = either.ok("suppressions", "list", "--json").json
    assert (row["reason"], row["address"]) == ("bounced", "a…@example.com")
    assert either.ok("bounces", "read").out == "Nothing has come back.\n"
    (send,) = either.ok("sends", "list", "--state", "bounced", "--json").json
    assert send["reference"] == reference


def test_what_was_read_is_kept_where_an_operator_finds_it(either: Terminal, folder: Path) -> None:
    (folder / "new" / "1.junk").write_bytes(b"Subject: You have won\n\nClick here")
    assert "Foreign" in either.ok("bounces", "read").out
    assert [path.name for path in (folder / ".handled" / "cur").iterdir()] == ["1.junk:2,S"]


def test_no_more_than_asked_for(runup: Terminal, folder: Path) -> None:
    for number in range(5):
        (folder / "new" / f"{number}.junk").write_bytes(b"Subject: You have won\n\nClick here")
    assert runup.ok("bounces", "read", "--most", "2", "--json").json["messages"] == 2
    assert runup("bounces", "read", "--most", "0").code == 2


@pytest.mark.parametrize(
    ("mailbox", "password", "code", "complaint"),
    [
        ("", "", 2, "there is no bounce mailbox: set bounce_mailbox"),
        ("", "hunter2", 2, "RUNUP_BOUNCE_MAILBOX_PASSWORD is set and RUNUP_BOUNCE_MAILBOX is not"),
        ("maildir:/nowhere/bounces", "", 1, "/nowhere/bounces is no Maildir yet"),
        ("bounces@mail.example.com", "", 2, "write it like maildir:/var/mail/bounces or imaps://"),
        ("imaps://b:hunter2@mail.example.com", "", 2, "belongs into RUNUP_BOUNCE_MAILBOX_PASSWORD"),
        ("imap://b@127.0.0.1:1", "hunter2", 1, "the bounce mailbox cannot be read: 127.0.0.1: "),
    ],
)
def test_what_cannot_be_read_is_one_line_without_the_password(
    runup: Terminal, monkeypatch: pytest.MonkeyPatch, mailbox: str, password: str, code: int, complaint: str
) -> None:
    monkeypatch.setenv("RUNUP_BOUNCE_MAILBOX", mailbox)
    monkeypatch.setenv("RUNUP_BOUNCE_MAILBOX_PASSWORD", password)
    result = runup("bounces", "read")
    assert (result.code, result.out) == (code, "")
    assert complaint in result.err
    assert "hunter2" not in result.err
    assert len(result.err.strip().splitlines()) == 1
