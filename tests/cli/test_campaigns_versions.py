"""An operator changes a campaign while people are on it: plans, is stopped, applies, goes back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from terminals import Terminal

KEY = "course"


@pytest.fixture
def course(runup: Terminal) -> Path:
    """A small campaign of the operator's own, with Ana and Kiri on it."""
    runup.ok("campaigns", "new", KEY)
    settings = runup.folder / "runup.toml"
    settings.write_text(f'{settings.read_text()}\ncampaign = "{KEY}"\n')
    for name, zone in (("ana", "Europe/Berlin"), ("kiri", "Pacific/Kiritimati")):
        runup.ok(
            "subscribers", "add", f"{name}@example.com", "--date", "2026-12-04", "--time", "14:00",
            "--zone", zone, "--consent-proof", "course form 7",
        )  # fmt: skip
    return runup.folder / "templates" / KEY


def state(terminal: Terminal) -> tuple[int, bool, list[str]]:
    """The version in force, whether the files are others, and when the eves are due."""
    (row,) = [row for row in terminal.ok("campaigns", "list", "--json").json if row["key"] == KEY]
    sends = terminal.ok("sends", "list", "--step", "eve", "--json").json
    return row["number"], row["is_edited"], sorted({send["local_at"].split()[-1][:2] for send in sends})


def test_a_running_campaign_is_changed_and_changed_back(course: Path, runup: Terminal) -> None:
    timetable = course / "sequence.toml"
    shipped = timetable.read_text()
    assert state(runup) == (1, False, ["16"])
    assert "nothing to apply" in runup.ok("campaigns", "plan").out

    timetable.write_text(shipped.replace("time     = 16:00:00", "time     = 17:30:00"))
    assert state(runup) == (1, True, ["16"]), "editing changes nothing"
    told = runup.ok("campaigns", "plan", "--json").json
    assert {key: told[key] for key in ("base", "people", "affected", "moved", "added", "reworded")} == {
        "base": 1, "people": 2, "affected": 2, "moved": 2, "added": 0, "reworded": 0,
    }  # fmt: skip
    assert [who["emails"][0]["change"] for who in told["people_affected"]] == ["moved", "moved"]
    assert state(runup) == (1, True, ["16"]), "a plan changes nothing"

    refused = runup("campaigns", "apply", "--most", "1")
    assert (refused.code, state(runup)[0]) == (2, 1)
    assert f"runup campaigns apply {KEY} --plan {told['plan']}" in refused.err
    assert "eve: 1 day before the interview at 17:30; was: 1 day before the interview at 16:00" in refused.out
    assert "a…@example.com" in refused.out
    done = runup.ok(
        "campaigns",
        "apply",
        "--most",
        "0",
        "--plan",
        told["plan"],
        "--by",
        "Sam",
        "--note",
        "later",
        "--json",
    )
    assert (done.json["number"], done.json["planned_again"]) == (2, 2)
    assert state(runup) == (2, False, ["17"])

    difference = runup.ok("campaigns", "history", "--diff", "2").out
    assert "-time     = 16:00:00\n+time     = 17:30:00" in difference
    runup.ok("campaigns", "rollback", "--note", "too late")
    assert state(runup) == (3, True, ["16"])
    newest, second, first = runup.ok("campaigns", "history", "--json").json
    assert (newest["copy_of"], newest["version"]) == (1, first["version"])
    assert (second["applied_by"], second["note"], second["counts"]["moved"]) == ("Sam", "later", 2)
    assert second["files"] == [f"~ {KEY}/sequence.toml"]


def test_a_plan_is_refused_once_the_files_are_others_or_broken(course: Path, runup: Terminal) -> None:
    subject = course / "eve" / "subject.txt"
    subject.write_text("Tomorrow, then\n")
    plan = runup.ok("campaigns", "plan", "--json").json["plan"]
    assert plan.endswith("-2r"), "two people's words"
    subject.write_text("Tomorrow, or never\n")
    result = runup("campaigns", "apply", "--plan", plan)
    assert (result.code, "made for other files" in result.err) == (2, True)
    subject.write_text("{{ subscriber.nickname }}\n")
    result = runup("campaigns", "apply")
    assert (result.code, f"{KEY}/eve/subject.txt:1" in result.err) == (1, True)
    assert state(runup)[0] == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("plan", "--to", "9"), "has no version 9"),
        (("history", "--diff", "9"), "has no version 9"),
        (("rollback",), "has had no other version"),
        (("plan", "corse"), "did you mean course?"),
        (("archive", "--why", "over"), "say --yes"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(
    course: Path, runup: Terminal, words: tuple[str, ...], said: str
) -> None:
    result = runup("campaigns", *words)
    assert result.code == 2, course
    assert said in result.err


def test_an_archived_campaign_says_why_and_comes_back(course: Path, runup: Terminal) -> None:
    runup.ok("campaigns", "archive", "--why", "The course is over", "--yes")
    (row,) = [row for row in json.loads(runup.ok("campaigns", "list", "--json").out) if row["key"] == KEY]
    assert (row["state"], row["why"]) == ("archived", "The course is over")
    assert "archived already" in runup.ok("campaigns", "archive", "--why", "twice", "--yes").out
    assert "Resumed" in runup.ok("campaigns", "resume").out
    assert state(runup) == (1, False, ["16"]), course
