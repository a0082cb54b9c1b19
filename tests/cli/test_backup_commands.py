"""`runup backup`, `runup restore`, `runup retention`, as an operator types them."""

from __future__ import annotations

from terminals import Terminal

from runup.backups import RESTORED


def emails(terminal: Terminal) -> list[str]:
    return [row["email"] for row in terminal.ok("subscribers", "list", "--addresses", "--json").json]


def test_a_backup_is_made_checked_and_brought_back(with_ana: Terminal) -> None:
    made = with_ana.ok("backup", "night.tar.gz")
    assert made.out.startswith("Backed up: 1 people and ")
    assert "As it was written" in with_ana.ok("backup", "night.tar.gz", "--check").out
    told = with_ana.ok("backup", "night.tar.gz", "--check", "--json").json
    assert (told["subscribers"], told["database"], list(told["members"])) == (
        1,
        "sqlite",
        ["database.sqlite"],
    )
    add = ("subscribers", "add", "kiri@example.com", "--date", "2026-12-10", "--zone", "Pacific/Kiritimati")
    with_ana.ok(*add)

    asked = with_ana("restore", "night.tar.gz")
    assert (asked.code, "nothing has changed" in asked.err) == (2, True)
    assert len(with_ana.ok("subscribers", "list", "--json").json) == 2
    said = with_ana.ok("restore", "night.tar.gz", "--yes").out
    assert said.startswith("Restored: 1 people and ")
    assert "runup.db.before-20261123T0900" in said
    assert emails(with_ana) == ["ana@example.com"]
    assert [hold["kind"] for hold in with_ana.ok("status", "--json").json["holds"]] == [RESTORED]
    assert RESTORED in with_ana.ok("sends", "release", "--dry-run").out


def test_what_cannot_be_backed_up_or_restored_says_why(runup: Terminal) -> None:
    runup.ok("backup", "night.tar")
    for words, code, reason in (
        (("backup", "night.tar"), 2, "night.tar is there already"),
        (("backup", "no/such/folder/b.tar"), 2, "there is no such folder"),
        (("backup", "no.tar", "--check"), 1, "no.tar: No such file"),
        (("restore", "no.tar"), 1, "no.tar: No such file"),
        (("backup", "runup.toml", "--check"), 1, "no backup of runup"),
        (("restore", "runup.toml", "--yes"), 1, "no backup of runup"),
    ):
        result = runup(*words)
        assert (result.code, reason in result.err) == (code, True), result.err
        assert result.err.count("\n") == 1
    (runup.folder / "secrets.toml").unlink()
    runup.ok("init")
    result = runup("restore", "night.tar", "--yes")
    assert (result.code, "another suppression_key" in result.err) == (2, True)


def test_what_is_over_is_shown_and_deleted_when_told_to(with_ana: Terminal) -> None:
    assert with_ana.ok("retention", "--json").json == {
        "people": 0, "interviews": 0, "events": 0, "journal_days": 0,
    }  # fmt: skip
    with_ana.later("2027-02-01T09:00:00+00:00")
    add_kiri(with_ana)
    shown = with_ana.ok("retention", "--json").json
    assert (shown["people"], shown["interviews"]) == (1, 0)
    refused = with_ana("retention", "--run")
    assert (refused.code, "nothing was deleted" in refused.err) == (2, True)
    assert with_ana.ok("retention", "--run", "--yes").out.endswith("Deleted.\n")
    assert with_ana.ok("retention", "--json").json["people"] == 0
    assert emails(with_ana) == ["kiri@example.com"]
    assert "Nothing was to be deleted" in with_ana.ok("retention", "--run").out


def add_kiri(terminal: Terminal) -> None:
    """Somebody with an interview still to come, who stays."""
    terminal.ok(
        "subscribers", "add", "kiri@example.com", "--date", "2027-02-20", "--zone", "Pacific/Kiritimati",
        "--consent-proof", "paper form 13",
    )  # fmt: skip


def test_nobody_is_deleted_while_a_brake_is_on(with_ana: Terminal) -> None:
    with_ana.ok("backup", "night.tar")
    with_ana.later("2027-02-01T09:00:00+00:00")
    with_ana.ok("restore", "night.tar", "--yes")
    result = with_ana("retention", "--run", "--yes")
    assert (result.code, f"while a brake is on ({RESTORED})" in result.err) == (1, True)
