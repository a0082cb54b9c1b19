"""Campaigns from the terminal: read, checked, pictured, paused, previewed, tried."""

from __future__ import annotations

import shutil
from importlib.resources import as_file, files
from pathlib import Path

import pytest
from terminals import Terminal

from delivery.inbox import read_outbox

KEY = "second_interview"


@pytest.fixture
def own(runup: Terminal) -> Path:
    """A workspace with a campaign of its own: a copy of the shipped one, to be changed."""
    folder = runup.folder / "templates"
    with as_file(files("templates")) as shipped:
        shutil.copytree(shipped, folder, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    (runup.folder / "runup.toml").write_text('templates = "templates"\n')
    return folder / KEY


def test_the_shipped_campaign_is_listed(with_ana: Terminal) -> None:
    (row,) = [row for row in with_ana.ok("campaigns", "list", "--json").json if row["key"] == KEY]
    assert (row["key"], row["state"], row["enrollments"]) == (KEY, "running", 1)
    assert row["steps"] == 21
    assert row["waiting"] > 5


def test_its_timetable_reads_in_words(runup: Terminal) -> None:
    rows = runup.ok("campaigns", "show", "--json").json["steps"]
    assert {row["key"]: row["due"] for row in rows}["details"] == "7 days before the interview at 09:00"
    assert "7 days before the interview at 09:00" in runup.ok("campaigns", "show", KEY).out
    result = runup("campaigns", "show", "second_intervew")
    assert (result.code, "did you mean second_interview?" in result.err) == (2, True)


def test_the_timeline_is_a_picture_around_the_interview(runup: Terminal) -> None:
    out = runup.ok("campaigns", "timeline", "--date", "2026-12-18", "--time", "14:00").out
    lines = out.splitlines()
    star = next(number for number, line in enumerate(lines) if "★" in line and "Fri 18 Dec 14:00" in line)
    assert any("T-7" in line and "details" in line for line in lines[:star])
    assert any("thanks" in line for line in lines[star:])


def test_the_timeline_of_somebody_late_says_what_is_not_sent(runup: Terminal) -> None:
    rows = runup.ok("campaigns", "timeline", "--date", "2026-12-18", "--signed-up", "3", "--json").json
    by_step = {row["step"]: row for row in rows}
    assert by_step["catchup"]["merged"][:2] == ["details", "people"]
    assert by_step["details"]["reason"] == "merged_into_catchup"


def test_a_sound_campaign_passes_the_check(own: Path, runup: Terminal) -> None:
    assert "0 errors" in runup.ok("campaigns", "check").out


def test_a_broken_campaign_fails_the_check_with_file_and_line(own: Path, runup: Terminal) -> None:
    body = own / "details" / "body.txt"
    sound = body.read_text()
    body.write_text(sound.replace("interview.company", "interview.compny", 1))
    result = runup("campaigns", "check")
    assert result.code == 1
    line = sound.split("interview.company")[0].count("\n") + 1
    assert f"{KEY}/details/body.txt:{line}: error" in result.out
    findings = runup("campaigns", "check", "--json").json
    assert {"severity", "file", "line", "message"} == set(findings[0])


def test_an_unknown_key_in_the_timetable_is_one_line(own: Path, runup: Terminal) -> None:
    timetable = own / "sequence.toml"
    timetable.write_text(timetable.read_text().replace("[[step]]", "wimdow = 1\n[[step]]", 1))
    result = runup("campaigns", "show")
    assert result.code == 1
    assert result.err.count("\n") == 1
    assert f"{KEY}/sequence.toml" in result.err


def test_a_paused_campaign_sends_nothing_until_it_is_resumed(either: Terminal) -> None:
    assert "Paused" in either.ok("campaigns", "pause").out
    assert "not running" in either.ok("campaigns", "pause", KEY).out
    assert either.ok("status", "--json").json["paused"] == [KEY]
    assert f"runup campaigns resume {KEY}" in either.ok("status").out
    assert "Resumed" in either.ok("campaigns", "resume").out
    assert "was running" in either.ok("campaigns", "resume").out
    assert either.ok("status", "--json").json["paused"] == []


def test_the_gallery_has_every_wording_of_an_email(runup: Terminal) -> None:
    runup.ok("preview", "--step", "day_before", "--export", "gallery")
    pages = sorted(Path("gallery/emails").glob("day_before-*.html"))
    texts = {Path(f"gallery/frames/{page.stem}.txt").read_text() for page in pages}
    assert len(pages) == len(texts) > 4
    index = Path("gallery/index.html").read_text()
    assert all(page.name in index for page in pages)
    assert runup("preview", "--step", "day_bfore", "--export", "gallery").code == 2


def test_a_test_email_arrives_in_the_outbox(runup: Terminal) -> None:
    out = runup.ok("send-test", "ana@example.com", "salary").out
    (email,) = read_outbox(runup.folder / "outbox")
    assert email.recipient == "ana@example.com"
    assert email.subject.startswith("[test] ")
    assert email.subject.removeprefix("[test] ") in out
    for wrong in (
        ["ana@", "salary"],
        ["ana@example.com", "celery"],
        ["ana@example.com", "salary", "--branch", "0"],
    ):
        assert runup("send-test", *wrong).code == 2


def test_a_test_email_respects_the_allow_list(runup: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNUP_ALLOW_LIST", "example.org")
    result = runup("send-test", "ana@example.com", "salary")
    assert result.code == 1
    assert "ana@example.com" not in result.err
    assert list(read_outbox(runup.folder / "outbox")) == []


def test_a_wrong_key_is_named_before_anything_is_sent(
    runup: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNUP_PROVIDER", "sendgrid")
    assert "RUNUP_SENDGRID_API_KEY is missing" in runup("send-test", "ana@example.com", "salary").err
    monkeypatch.setenv("RUNUP_SENDGRID_API_KEY", "not-a-key-at-all")
    result = runup("send-test", "ana@example.com", "salary")
    assert result.code == 2
    assert "not-a-key-at-all" not in result.err
