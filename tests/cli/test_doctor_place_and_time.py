"""What doctor says of the feed, the disk, the place, the clock, and of rows that should not be."""

from __future__ import annotations

import sqlite3
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sendgrid_fake import SendGridFake
from terminals import Terminal, add_ana

from runup.database import file_system
from runup.database.file_system import network_file_system
from runup.database.space import Space


def verification_key() -> str:
    """As SendGrid shows it: the public half, in Base64."""
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    return b64encode(
        public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    ).decode()


def told(terminal: Terminal, subject: str) -> list[tuple[str, str]]:
    """Level and words of each finding on a subject."""
    found = terminal("doctor", "--json").json
    return [
        (line["level"], f"{line['words']} → {line['remedy']}") for line in found if line["subject"] == subject
    ]


def change(terminal: Terminal, *statements: str) -> None:
    with sqlite3.connect(terminal.folder / "runup.db") as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


@pytest.fixture
def posting(runup: Terminal, monkeypatch: pytest.MonkeyPatch) -> Iterator[SendGridFake]:
    with SendGridFake() as fake:
        monkeypatch.setenv("RUNUP_PROVIDER", "sendgrid")
        monkeypatch.setenv("RUNUP_DNS_SERVER", "off")
        monkeypatch.setenv("RUNUP_SENDGRID_API_KEY", "SG.tests")
        monkeypatch.setenv("RUNUP_SENDGRID_HOST", fake.url)
        yield fake


def test_without_a_feed_it_fails_and_says_what_that_costs(
    runup: Terminal, posting: SendGridFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    ((level, words),) = told(runup, "feed")
    assert level == "failed"
    assert "8,000 leave twice and 21,000 end as unknown" in words
    assert "RUNUP_SENDGRID_WEBHOOK_KEYS" in words
    assert runup("doctor").code == 1
    monkeypatch.setenv("RUNUP_SENDGRID_WEBHOOK_KEYS", verification_key())
    assert told(runup, "feed")[0][0] == "ok"


def test_a_feed_that_is_silent_while_emails_leave_is_told(
    runup: Terminal, posting: SendGridFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNUP_SENDGRID_WEBHOOK_KEYS", verification_key())
    add_ana(runup)
    change(runup, *(_attempt(number, "2026-11-23 07:30:00") for number in range(1, 20)))
    assert [level for level, _ in told(runup, "feed")] == ["ok", "warning"]
    change(runup, _attempt(20, "2026-11-23 07:30:00"))
    level, words = told(runup, "feed")[1]
    assert (level, "no event was heard ever, though 20 emails left" in words) == ("failed", True)
    change(
        runup,
        "INSERT INTO feed_count (source, what, total, last_at, detail) "
        "VALUES ('sendgrid', 'event', 20, '2026-11-23 07:45:00', '')",
    )
    assert [level for level, _ in told(runup, "feed")] == ["ok"]


def _attempt(number: int, at: str) -> str:
    columns = "send_id, number, worker, provider, intent_at, kind, status, provider_message_id, error"
    values = f"1, {number}, 'w', 'sendgrid', '{at}', 'ok', 202, '', ''"
    return f"INSERT INTO attempt ({columns}) VALUES ({values})"  # noqa: S608 - our own numbers


def test_the_clock_is_held_against_the_servers(runup: Terminal, posting: SendGridFake) -> None:
    posting.date = datetime(2026, 11, 23, 9, 0, 5, tzinfo=UTC)
    assert told(runup, "clock")[0][0] == "ok"
    posting.date += timedelta(hours=1)
    ((level, words),) = told(runup, "clock")
    assert (level, "off that of sendgrid's server" in words) == ("failed", True)


def test_a_copy_that_would_not_be_noticed_is_told(
    runup: Terminal, posting: SendGridFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    assert "set RUNUP_MACHINE" in told(runup, "place")[0][1]
    monkeypatch.setenv("RUNUP_MACHINE", "production")
    assert told(runup, "place") == []


def test_each_brake_is_named_with_what_to_do(runup: Terminal) -> None:
    change(
        runup,
        "INSERT INTO hold (kind, began_at, detail) VALUES "
        "('moved_machine', '2026-11-23 08:00:00', 'this database was at work in another place')",
    )
    assert ("failed", True) in [
        (level, "stopped (moved_machine)" in words and "sends release" in words)
        for level, words in told(runup, "worker")
    ]
    shown = runup.ok("sends", "release", "--dry-run").out
    assert "Stopped (moved_machine): this database was at work in another place" in shown
    assert "Nothing is due." in shown
    assert runup("sends", "release", "--only", "moved", "--yes").code == 2
    runup.ok("sends", "release", "--only", "moved_machine", "--yes")
    assert "Nothing is stopped" in runup.ok("sends", "release").out


def test_what_waits_behind_a_brake_is_shown_before_it_is_let_go(with_ana: Terminal) -> None:
    change(
        with_ana,
        "INSERT INTO hold (kind, began_at, detail) VALUES ('long_gap', '2026-11-23 08:00:00', 'away')",
    )
    with_ana.later("2026-11-27T08:30:00+00:00")
    shown = with_ana.ok("sends", "release", "--dry-run").out
    assert "Due now: " in shown
    assert "a…@example.com" in shown
    found = with_ana.ok("sends", "release", "--dry-run", "--json").json
    assert found["due"] == sum(found["by_step"].values()) == len(found["first"]) >= 1
    assert [hold["kind"] for hold in found["holds"]] == ["long_gap"]


def test_little_room_fails(runup: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Space, "free", 150 * 1024 * 1024)
    ((level, words),) = told(runup, "free space")
    assert (level, "only 150 MB are free" in words) == ("failed", True)


@pytest.mark.parametrize(
    ("mounts", "kind"),
    [
        ("30 1 8:1 / / rw - ext4 /dev/sda1 rw\n", ""),
        ("30 1 8:1 / / rw - ext4 /dev/sda1 rw\n31 30 0:9 / {here} rw shared:1 - nfs4 host:/x rw\n", "nfs4"),
        ("30 1 0:9 / / rw - cifs //host/x rw\n31 30 8:1 / {here} rw - xfs /dev/sdb rw\n", ""),
        ("nonsense\n\n1 2 3\n", ""),
    ],
)
def test_a_network_file_system_is_seen_by_the_mount_below_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mounts: str, kind: str
) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(mounts.format(here=str(tmp_path).replace(" ", "\\040")))
    monkeypatch.setattr(file_system, "_MOUNTS", table)
    assert network_file_system(tmp_path / "some" / "runup.db") == kind


def test_on_a_network_file_system_no_worker_starts(runup: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    table = runup.folder / "mountinfo"
    table.write_text("30 1 0:9 / / rw - nfs4 host:/x rw\n")
    monkeypatch.setattr(file_system, "_MOUNTS", table)
    assert told(runup, "disk")[0][0] == "failed"
    result = runup("work")
    assert (result.code, "lies on nfs4" in result.err) == (1, True)


def test_rows_that_break_a_rule_are_named(with_ana: Terminal) -> None:
    assert [level for level, _ in told(with_ana, "rows")] == ["ok"]
    change(with_ana, "UPDATE send SET local_at = '2026-11-27T03:00:00' WHERE step = 'details'")
    ((level, words),) = told(with_ana, "rows")
    assert level == "failed"
    assert "(rule 16)" in words


def test_damage_is_named_and_nothing_is_deleted(with_ana: Terminal) -> None:
    file = with_ana.folder / "runup.db"
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (page,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'consent'").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    with file.open("r+b") as content:
        content.seek((page - 1) * size)
        content.write(b"\xa5" * size)
    ((level, words),) = told(with_ana, "damage")
    assert (level, "damaged" in words and "delete nothing" in words) == ("failed", True)
    assert file.stat().st_size > 0
