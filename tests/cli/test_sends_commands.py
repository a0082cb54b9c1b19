"""What left, what will, what will not and why; and how things stand."""

from __future__ import annotations

import os
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from terminals import Terminal, add_ana

from runup.application import Application
from runup.settings import Settings
from scheduler import Clock, Send
from scheduler.bucket import Bucket

ANA = "ana@example.com"


def tick() -> None:
    """Let the real worker do what is due now."""
    application = Application.open(Settings.load())
    worker = application.worker()
    worker.tick()
    worker.close()
    application.close()


def test_explain_tells_each_email_and_why(either: Terminal) -> None:
    add_ana(either)
    tick()
    rows = either.ok("explain", ANA).rows
    assert ["Mon 2026-11-23 10:00", "welcome", "Your plan for the big day", "left"] in rows
    either.ok("subscribers", "outcome", ANA, "rejected")
    rows = either.ok("explain", ANA).rows
    assert ["-", "checkin", "Time for a friendly nudge?", "not sent: the outcome is known"] in rows
    (row,) = either.ok("explain", ANA, "thanks", "--json").json
    assert (row["step"], row["kind"], row["reason"]) == ("thanks", "left_out", "outcome_known")


def test_next_is_in_the_order_of_leaving_and_hides_the_address(with_ana: Terminal) -> None:
    rows = with_ana.ok("sends", "next", "--each", "--json").json
    assert [row["due_at"] for row in rows] == sorted(row["due_at"] for row in rows)
    assert rows[0]["step"] == "welcome"
    assert ANA not in with_ana.ok("sends", "next", "--each").out


def test_next_counts_by_day_and_step_and_names_the_first(either: Terminal) -> None:
    add_ana(either)
    for name in ("bo", "cleo"):
        either.ok(
            "subscribers", "add", f"{name}@example.com", "--date", "2026-12-04", "--time", "14:00",
            "--zone", "Europe/Berlin", "--consent-proof", "paper form 12",
        )  # fmt: skip
    rows = either.ok("sends", "next", "--json").json
    (eve,) = [row for row in rows if row["step"] == "day_before"]
    assert (eve["day"], eve["emails"]) == ("2026-12-03", 3)
    assert eve["first_at"] < eve["last_at"] < "2026-12-03T15:10"
    assert [row["first_at"] for row in rows] == sorted(row["first_at"] for row in rows)
    shown = either.ok("sends", "next")
    (line,) = [row for row in shown.rows if row[1] == "day_before"]
    assert line[2] == "3"
    assert line[4].endswith(" and 1 more")
    assert ANA not in shown.out
    assert len(either.ok("sends", "next", "--limit", "2").rows) == 2


def test_the_list_can_be_narrowed(with_ana: Terminal) -> None:
    with_ana.ok(
        "subscribers", "add", "kiri@example.com", "--date", "2026-12-04", "--zone", "Pacific/Kiritimati"
    )
    assert {row["subscriber_id"] for row in with_ana.ok("sends", "list", "--who", ANA, "--json").json} == {1}
    assert {row["step"] for row in with_ana.ok("sends", "list", "--step", "confirm", "--json").json} == {
        "confirm"
    }
    assert with_ana.ok("sends", "list", "--state", "accepted", "--state", "dead", "--json").json == []
    assert with_ana.ok("sends", "list", "--campaign", "exam", "--json").json == []
    result = with_ana("sends", "list", "--state", "plant")
    assert (result.code, "did you mean planned?" in result.err) == (2, True)


def test_one_send_shows_its_attempts(with_ana: Terminal) -> None:
    tick()
    (welcome,) = with_ana.ok("sends", "list", "--state", "accepted", "--json").json
    shown = with_ana.ok("sends", "show", str(welcome["id"]), "--json").json
    assert [(a["number"], a["provider"], a["kind"]) for a in shown["attempts"]] == [(1, "outbox", "ok")]
    assert "outbox" in with_ana.ok("sends", "show", str(welcome["id"])).out
    assert with_ana("sends", "show", "999").code == 2
    assert len(list(Path("outbox/new").iterdir())) == 1


def test_a_worker_that_ends_as_it_was_told_signs_off(either: Terminal) -> None:
    add_ana(either)
    application = Application.open(Settings.load())
    worker = application.worker()
    clock = Clock(worker)
    worker.tick()
    told = either.ok("status").out
    assert "1 at work, last tick" in told
    assert "1 in the last minute, 1 in the last hour" in told
    clock.stop()
    application.close()
    facts = either.ok("status", "--json").json
    assert (facts["is_ticking"], facts["workers"], facts["has_signed_off"]) == (False, 0, True)
    assert "none; the last one ended as it was told" in either.ok("status").out


def test_status_tells_the_rate_and_a_provider_that_wants_to_wait(with_ana: Terminal) -> None:
    (with_ana.folder / "runup.toml").write_text("rate = 0.5\n", "utf-8")
    application = Application.open(Settings.load())
    with application.database.write() as session:
        Bucket(name="outbox", rate=0.5).close(session, 90.0, now=application.clock())
    application.close()
    told = with_ana.ok("status").out
    assert "at most 0.5 a second; the provider asks us to wait until 09:01:3" in told
    assert with_ana.ok("status", "--json").json["asked_to_wait_until"].startswith("2026-11-23T09:01:3")


def test_status_before_during_and_after_the_worker(with_ana: Terminal) -> None:
    facts = with_ana.ok("status", "--json").json
    assert (facts["is_ticking"], facts["due"], facts["subscribers"], facts["interviews_to_come"]) == (
        False,
        1,
        1,
        1,
    )
    assert "none has run yet" in with_ana.ok("status").out
    tick()
    facts = with_ana.ok("status", "--json").json
    assert (facts["is_ticking"], facts["due"], facts["states"]["accepted"]) == (True, 0, 1)
    with_ana.later("2026-11-27T08:30:00+00:00")
    facts = with_ana.ok("status", "--json").json
    assert (facts["is_ticking"], facts["late"], facts["due"]) == (False, 1, 1)
    assert "late, the oldest by" in with_ana.ok("status").out
    assert "silent, last heard of 3 days ago" in with_ana.ok("status").out


def test_a_brake_is_shown_and_let_go_by_the_operator(with_ana: Terminal) -> None:
    with sqlite3.connect(with_ana.folder / "runup.db") as connection:
        connection.execute(
            "INSERT INTO hold (kind, began_at, detail) VALUES ('mass_expiry', ?, '25 of 30 would expire')",
            (datetime(2026, 11, 23, tzinfo=UTC).isoformat(" ")[:19],),
        )
    connection.close()
    assert "25 of 30 would expire" in with_ana.ok("status").out
    assert with_ana("sends", "release").code == 2
    assert "Released" in with_ana.ok("sends", "release", "--yes").out
    assert "Nothing is stopped" in with_ana.ok("sends", "release", "--yes").out


def findings(terminal: Terminal) -> dict[str, str]:
    """The worst level per subject."""
    order = ("ok", "warning", "failed")
    worst: dict[str, str] = {}
    for found in terminal("doctor", "--json").json:
        worst[found["subject"]] = max(worst.get(found["subject"], "ok"), found["level"], key=order.index)
        assert found["level"] == "ok" or found["remedy"]
    return worst


def test_doctor_is_content_with_a_fresh_workspace_that_works(either: Terminal) -> None:
    tick()
    troubled = {subject for subject, level in findings(either).items() if level != "ok"}
    # The tests' own PostgreSQL does without fsync, and doctor says so.
    expected = {"durability"} if "RUNUP_DATABASE" in os.environ else set()
    assert (troubled, either("doctor").code) == (expected, int(bool(expected)))


@pytest.mark.parametrize(
    ("settings", "subject"),
    [
        ('provider = "sendgrid"\ndns_server = "off"\n', "provider"),
        ('provider = "smtp"\nsmtp_host = "mail.example.com"\ndns_server = "off"\n', "sender"),
        ('campaign = "missing"\n', "campaigns"),
        ('database = "sqlite:///elsewhere.db"\n', "database"),
        ('database = "mysql://localhost/x"\n', "database"),
        ("port = 99999\n", "settings"),
    ],
)
def test_doctor_fails_with_a_remedy(runup: Terminal, settings: str, subject: str) -> None:
    (runup.folder / "runup.toml").write_text(settings)
    assert findings(runup)[subject] == "failed"
    assert runup("doctor").code == 1


def test_doctor_sees_secrets_that_others_can_read(runup: Terminal) -> None:
    (runup.folder / "secrets.toml").chmod(0o644)
    result = runup("doctor")
    assert result.code == 1
    assert "chmod 600" in result.out


def test_doctor_sees_a_typing_error_in_the_environment(
    runup: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNUP_PROVIDR", "smtp")
    assert "RUNUP_PROVIDR is no setting; did you mean RUNUP_PROVIDER?" in runup("doctor").out


def test_doctor_sees_a_database_of_a_newer_version(runup: Terminal) -> None:
    with sqlite3.connect(runup.folder / "runup.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    assert findings(runup)["database"] == "failed"
    for words in (["status"], ["database", "upgrade"], ["subscribers", "list"], ["database", "status"]):
        result = runup(*words)
        assert result.code == 1
        assert "newer runup" in result.err


def test_doctor_fails_when_sends_are_due_and_nobody_works(with_ana: Terminal) -> None:
    assert findings(with_ana)["worker"] == "failed"


def test_the_database_is_upgraded_checked_and_described(either: Terminal) -> None:
    assert (
        "already" in either.ok("database", "upgrade").out
        or "upgraded" in either.ok("database", "upgrade").out
    )
    assert either.ok("database", "status", "--json").json["is_current"] is True
    assert "no damage" in either.ok("database", "check").out


def test_a_damaged_database_is_told(with_ana: Terminal) -> None:
    file = with_ana.folder / "runup.db"
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA foreign_keys=OFF")
        connection.execute("DELETE FROM interview")
    connection.close()
    result = with_ana("database", "check")
    assert result.code == 1
    assert "refers to a missing interview" in result.err
    assert os.path.getsize(file) > 0  # noqa: PTH202


def test_doubt_says_what_will_happen_to_each_and_when(with_ana: Terminal) -> None:
    assert with_ana.ok("sends", "doubt", "--json").json == []
    with Application.open(Settings.load()).database.write() as session:
        for step, resends in (("welcome", 0), ("confirm", 0)):
            send = (
                session.scalars(select(Send).where(Send.step == step)).first()
                or session.scalars(select(Send).where(Send.step == "day_before")).one()
            )
            send.state, send.reason, send.finished_at = "in_doubt", None, None
            send.intent_at, send.attempts, send.resends = datetime.now(UTC), 1, resends
            send.expires_at = send.expires_at or datetime.now(UTC) + timedelta(days=1)
    first, second = with_ana.ok("sends", "doubt", "--json").json
    assert {first["then"], second["then"]} == {"resend", "unknown"}
    assert first["silence_counts_at"] < first["deadline"]
    words = with_ana.ok("sends", "doubt").out
    assert "ends as unknown" in words
    assert "sent once more, blindly" in words
    assert ANA not in words


def test_after_a_second_attempt_nothing_but_the_end_is_announced(with_ana: Terminal) -> None:
    with Application.open(Settings.load()).database.write() as session:
        send = session.scalars(select(Send).where(Send.step == "welcome")).one()
        send.state, send.on_unknown, send.intent_at = "in_doubt", "resend", datetime.now(UTC)
        send.attempts, send.resends = 2, 1
        send.expires_at = send.expires_at or datetime.now(UTC) + timedelta(days=1)
    (row,) = with_ana.ok("sends", "doubt", "--json").json
    assert (row["then"], row["silence_counts_at"]) == ("unknown", None)
    words = with_ana.ok("sends", "doubt").out
    assert "it has gone once more already" in words
    assert "sent again" not in words


def test_what_was_accepted_and_never_ended_is_reported_after_73_hours(with_ana: Terminal) -> None:
    tick()
    assert with_ana.ok("status", "--json").json["without_end"] == 0
    with Application.open(Settings.load()).database.write() as session:
        send = session.scalars(select(Send).where(Send.state == "accepted")).one()
        send.left_at = datetime.now(UTC) - timedelta(hours=72, minutes=50)
    assert with_ana.ok("status", "--json").json["without_end"] == 0
    with Application.open(Settings.load()).database.write() as session:
        session.get_one(Send, send.id).left_at = datetime.now(UTC) - timedelta(hours=73, minutes=10)
    found = with_ana.ok("status", "--json").json
    assert found["without_end"] == 1
    assert "1 without an end after 73 hours" in with_ana.ok("status").out
    with Application.open(Settings.load()).database.write() as session:
        session.get_one(Send, send.id).state = "delivered"
    assert with_ana.ok("status", "--json").json["without_end"] == 0
