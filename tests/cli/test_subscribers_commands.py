"""An operator looks after people, one at a time and many at once."""

from __future__ import annotations

import csv
import stat
from pathlib import Path

import pytest
from terminals import Terminal, add_ana

ANA = "ana@example.com"
FILE = (
    "email,first_name,home_zone,interview_date,interview_time\n"
    "kiri@example.com,Kiri,Pacific/Kiritimati,2026-12-04,10:00\n"
    "nobody@,X,Mars/Base,2026-02-30,\n"
    "sam@example.com,Sam,America/St_Johns,2026-12-07,\n"
)


def steps(terminal: Terminal, who: str = ANA) -> dict[str, str]:
    """The newest word on each step of a person."""
    return {line["step"]: line["kind"] for line in terminal.ok("explain", who, "--json").json}


def test_ana_is_added_confirmed_with_a_proof_and_planned(either: Terminal) -> None:
    result = add_ana(either)
    assert "2026-12-04 14:00 Europe/Berlin" in result.out
    assert "Next: “Your plan for the big day”" in result.out
    assert steps(either)["details"] == "coming"


def test_without_a_proof_only_the_confirmation_is_planned(either: Terminal) -> None:
    out = either.ok("subscribers", "add", ANA, "--date", "2026-12-04", "--zone", "Europe/Berlin").out
    assert "Please confirm your email" in out
    assert steps(either) == {"confirm": "coming", "confirm_again": "coming"}


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["ana@", "--date", "2026-12-04", "--zone", "Europe/Berlin"], "email: this is not an email address"),
        (
            [ANA, "--date", "2026-02-30", "--zone", "Europe/Berlin"],
            "interview_date: '2026-02-30' is not a day",
        ),
        ([ANA, "--date", "2020-01-01", "--zone", "Europe/Berlin"], "days past"),
        ([ANA, "--date", "2026-12-04", "--zone", "Mars/Base"], "home_zone: 'Mars/Base' is not a time zone"),
        ([ANA, "--date", "2026-12-04", "--zone", "Europe/Berlin", "--time", "25:00"], "interview_time"),
        ([ANA, "--date", "2011-12-30", "--zone", "Pacific/Apia"], "days past"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    runup: Terminal, words: list[str], answer: str
) -> None:
    result = runup("subscribers", "add", *words)
    assert result.code == 2
    assert answer in result.err
    assert runup.ok("subscribers", "list", "--json").json == []


def test_the_list_has_stable_keys(with_ana: Terminal) -> None:
    (row,) = with_ana.ok("subscribers", "list", "--json", "--addresses").json
    assert set(row) == {
        "id", "email", "first_name", "home_zone", "locale", "created_at", "confirmed_at", "suppressed",
        "interviews", "interview_id", "interview_on", "state", "tags",
    }  # fmt: skip
    assert (row["email"], row["interview_on"], row["state"]) == (ANA, "2026-12-04", "confirmed")


def test_the_list_shows_whole_addresses_only_when_asked(with_ana: Terminal) -> None:
    assert with_ana.ok("subscribers", "list", "--json").json[0]["email"] == "a…@example.com"
    assert ANA not in with_ana.ok("subscribers", "list").out
    assert ANA in with_ana.ok("subscribers", "list", "--addresses").out


def test_the_list_says_how_much_it_leaves_out(with_ana: Terminal) -> None:
    with_ana.ok(
        "subscribers", "add", "kiri@example.com", "--date", "2026-12-04", "--zone", "Pacific/Kiritimati"
    )
    assert len(with_ana.ok("subscribers", "list", "--limit", "1").rows) == 1
    assert len(with_ana.ok("subscribers", "list", "--limit", "0").rows) == 2
    assert with_ana("subscribers", "list", "--limit", "-1").code == 2


def test_show_tells_all_of_one_person(with_ana: Terminal) -> None:
    data = with_ana.ok("subscribers", "show", "ANA@EXAMPLE.COM", "--json").json
    assert data["subscriber"]["address"] == ANA
    assert data["consents"][0]["proof"] == "paper form 12"
    assert {send["step"] for send in data["sends"]} >= {"welcome", "details", "farewell"}
    assert "Go one level deeper" in with_ana.ok("subscribers", "show", "1").out


def test_nobody_of_that_name(with_ana: Terminal) -> None:
    for who in ("eve@example.com", "77", "99999999999999999999"):
        result = with_ana("subscribers", "show", who)
        assert (result.code, result.err.count("\n")) == (2, 1)
        assert "there is no subscriber" in result.err


def test_moving_the_date_plans_anew(either: Terminal) -> None:
    add_ana(either)
    out = either.ok("subscribers", "move", ANA, "--date", "2026-12-11").out
    assert "Interview 1 is on 2026-12-11 14:00 Europe/Berlin." in out
    assert steps(either)["moved"] == "coming"
    due = {line["step"]: line["at"][:10] for line in either.ok("explain", ANA, "--json").json if line["at"]}
    assert due["details"] == "2026-12-04"
    assert "as before" in either.ok("subscribers", "move", ANA, "--date", "2026-12-11").out


def test_moving_can_change_time_and_place(with_ana: Terminal) -> None:
    move = ("subscribers", "move", ANA, "--date", "2026-12-04")
    assert "09:30 America/St_Johns" in with_ana.ok(*move, "--time", "09:30", "--zone", "America/St_Johns").out
    assert "2026-12-04 America/St_Johns." in with_ana.ok(*move, "--time", "unknown").out
    for wrong in (["--time", "noon"], ["--zone", "Nowhere"]):
        assert with_ana(*move, *wrong).code == 2
    assert with_ana("subscribers", "move", ANA, "--date", "2036-12-04").code == 2


def test_canceling_leaves_one_email(either: Terminal) -> None:
    add_ana(either)
    assert "canceled" in either.ok("subscribers", "cancel", ANA).out
    assert [step for step, kind in steps(either).items() if kind == "coming"] == ["canceled"]
    assert either("subscribers", "cancel", ANA).code == 2


def test_an_outcome_stops_the_nudges(either: Terminal) -> None:
    add_ana(either)
    either.ok("subscribers", "outcome", ANA, "offer")
    assert steps(either)["checkin"] == "left_out"
    assert steps(either)["offer"] == "coming"
    assert either("subscribers", "outcome", ANA, "perhaps").code == 2


def test_of_two_interviews_one_must_be_named(with_ana: Terminal) -> None:
    with_ana.ok(
        "subscribers",
        "add",
        ANA,
        "--date",
        "2026-12-18",
        "--zone",
        "Europe/Berlin",
        "--consent-proof",
        "form 13",
    )
    result = with_ana("subscribers", "cancel", ANA)
    assert result.code == 2
    assert "1 (2026-12-04 14:00 Europe/Berlin), 2 (2026-12-18 Europe/Berlin)" in result.err
    with_ana.ok("subscribers", "cancel", ANA, "--interview", "2")
    assert with_ana("subscribers", "cancel", ANA, "--interview", "9").code == 2


def test_unsubscribing_stops_everything_and_adding_again_is_refused(either: Terminal) -> None:
    add_ana(either)
    either.ok("subscribers", "unsubscribe", ANA)
    assert set(steps(either).values()) == {"left_out"}
    assert "already" in either.ok("subscribers", "unsubscribe", ANA).out
    result = either("subscribers", "add", ANA, "--date", "2026-12-11", "--zone", "Europe/Berlin")
    assert result.code == 2
    assert "must not be written to (unsubscribed on 2026-11-23)" in result.err


def test_erasing_asks_first_and_then_forgets(either: Terminal) -> None:
    add_ana(either)
    assert "Would erase" in either.ok("subscribers", "erase", ANA, "--dry-run").out
    refused = either("subscribers", "erase", ANA)
    assert refused.code == 2
    assert "--yes" in refused.err
    assert either.ok("subscribers", "show", ANA)
    either.ok("subscribers", "erase", ANA, "--yes")
    assert either("subscribers", "show", ANA).code == 2
    assert "was erased on 2026-11-23" in either("subscribers", "show", "1").err
    sends = either.ok("sends", "list", "--json").json
    assert {send["reason"] for send in sends} == {"erased"}
    assert "ana" not in either.ok("subscribers", "export").out
    assert either("subscribers", "add", ANA, "--date", "2026-12-11", "--zone", "Europe/Berlin").code == 2


def test_a_file_brings_people_in_and_lists_what_is_wrong(either: Terminal) -> None:
    file = either.folder / "people.csv"
    file.write_text(FILE)
    result = either("subscribers", "import", file)
    assert result.code == 1
    assert "Added" in result.out
    assert "confirm" in result.out
    with (either.folder / "people-errors.csv").open(newline="") as listing:
        errors = list(csv.DictReader(listing))
    (wrong,) = errors
    assert (wrong["error_row"], wrong["error_column"]) == ("3", "email; home_zone; interview_date")
    assert "home_zone: 'Mars/Base' is not a time zone we know" in wrong["error_problem"]
    assert "write one plain address such as ana@example.com" in wrong["error_remedy"]
    assert (wrong["email"], wrong["first_name"], wrong["interview_date"]) == ("nobody@", "X", "2026-02-30")
    assert steps(either, "kiri@example.com") == {"confirm": "coming", "confirm_again": "coming"}
    again = either("subscribers", "import", file, "--json").json
    assert again == {
        "rows": 3, "new_people": 0, "added": 0, "updated": 0, "unchanged": 2, "left_out": 0, "refused": 1,
        "to_confirm": 0, "left_out_because": {}, "went_on_after": None, "errors_file": "people-errors.csv",
        "refused_in": {"email": 1, "home_zone": 1, "interview_date": 1},
    }  # fmt: skip


def test_a_dry_run_of_an_import_keeps_nothing(runup: Terminal) -> None:
    (runup.folder / "people.csv").write_text(FILE)
    result = runup("subscribers", "import", "people.csv", "--dry-run")
    assert "dry run" in result.out
    assert runup.ok("subscribers", "list", "--json").json == []


def test_consent_given_elsewhere_is_taken_with_flag_and_proof(runup: Terminal) -> None:
    (runup.folder / "people.csv").write_text(
        "email;home_zone;interview_date;consent_at;consent_proof\n"
        "kiri@example.com;Pacific/Kiritimati;2026-12-04;2026-11-01;paper form 3\n"
    )
    runup.ok("subscribers", "import", "people.csv", "--confirmed")
    assert steps(runup, "kiri@example.com")["details"] == "coming"


@pytest.mark.parametrize(
    ("content", "words", "answer"),
    [
        ("email,intervew_date\n", [], "there is no column 'intervew_date'; did you mean interview_date?"),
        ("email,home_zone\n", [], "the column 'interview_date' is missing"),
        ("email,interview_date\n", ["--campaign", "secnd_interview"], "did you mean second_interview?"),
        ("email,interview_date\n", ["--encoding", "klingon"], "is no encoding"),
        ("", [], "the file is empty"),
    ],
)
def test_a_file_nobody_can_read_is_refused_whole(
    runup: Terminal, content: str, words: list[str], answer: str
) -> None:
    (runup.folder / "people.csv").write_text(content)
    result = runup("subscribers", "import", "people.csv", *words)
    assert result.code == 2
    assert answer in result.err


def test_a_column_can_be_left_alone(runup: Terminal) -> None:
    (runup.folder / "p.csv").write_text(
        "email,home_zone,interview_date,shoe size\nkiri@example.com,Pacific/Kiritimati,2026-12-04,38\n"
    )
    assert runup("subscribers", "import", "p.csv").code == 2
    runup.ok("subscribers", "import", "p.csv", "--ignore", "shoe_size")


@pytest.mark.parametrize("name", ["/dev/zero", "missing.csv", "."])
def test_only_a_file_is_imported(runup: Terminal, name: str) -> None:
    assert runup("subscribers", "import", name).code == 2


def test_what_is_exported_is_its_owners_alone_and_comes_back(with_ana: Terminal) -> None:
    with_ana.ok("subscribers", "export", "all.csv")
    file = Path("all.csv")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "ana@example.com,Ana,Europe/Berlin" in file.read_text()
    before = with_ana.ok("subscribers", "export").out
    assert with_ana.ok("subscribers", "import", "all.csv", "--confirmed", "--json").json["unchanged"] == 1
    assert with_ana.ok("subscribers", "export").out == before
    refused = with_ana("subscribers", "export", "all.csv")
    assert refused.code == 2
    assert "--force" in refused.err
    with_ana.ok("subscribers", "export", "all.csv", "--force")


def test_suppressions_are_added_listed_and_lifted(either: Terminal) -> None:
    add_ana(either)
    either.ok("suppressions", "add", ANA)
    either.ok("suppressions", "add", "stranger@example.com")
    assert set(steps(either).values()) == {"left_out"}
    rows = either.ok("suppressions", "list", "--json").json
    assert [row["address"] for row in rows] == [None, "a…@example.com"]
    assert ANA not in either.ok("suppressions", "list").out
    assert either("suppressions", "lift", ANA).code == 2
    either.ok("suppressions", "lift", ANA, "--yes")
    assert steps(either)["details"] == "coming"
    assert either("suppressions", "lift", ANA, "--yes").code == 2
