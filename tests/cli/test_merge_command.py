"""An operator finds people who are there twice, and makes them one."""

from __future__ import annotations

from pathlib import Path

import pytest
from terminals import Terminal, add_ana

DOUBLE = "ana+work@example.com"


@pytest.fixture
def twice(with_ana: Terminal) -> Terminal:
    with_ana.ok(
        "subscribers",
        "add",
        DOUBLE,
        "--date",
        "2026-12-04",
        "--zone",
        "Europe/Berlin",
        "--consent-proof",
        "x",
    )
    return with_ana


def test_doubles_are_found_looked_at_and_merged(twice: Terminal) -> None:
    (pair,) = twice.ok("subscribers", "doubles", "--json").json
    assert pair == {
        "keep": 1, "keep_email": "a…@example.com", "give_up": 2, "give_up_email": "a…@example.com",
        "why": "one mailbox",
    }  # fmt: skip
    assert DOUBLE not in twice.ok("subscribers", "doubles").out
    assert DOUBLE in twice.ok("subscribers", "doubles", "--addresses").out
    twice.ok("subscribers", "export", "before.csv")
    look = twice.ok("subscribers", "merge", "1", "2", "--dry-run", "--json").json
    assert (look["interviews"], look["doubles"], look["consents"]) == (1, 1, 1)
    assert twice("subscribers", "merge", "1", "2").code == 2, "nobody was asked"
    twice.ok("subscribers", "export", "still.csv")
    assert Path("before.csv").read_text() == Path("still.csv").read_text()
    done = twice.ok("subscribers", "merge", "ana@example.com", DOUBLE, "--yes", "--json").json
    assert done == look
    assert [row["id"] for row in twice.ok("subscribers", "list", "--json").json] == [1]
    assert twice.ok("subscribers", "doubles", "--json").json == []
    kinds = [moment["kind"] for moment in twice.ok("subscribers", "history", "1", "--json").json]
    assert "merged" in kinds
    assert "Merged into number 1" in twice.ok("subscribers", "history", "2").out
    assert len(twice.ok("subscribers", "export").out.splitlines()) == 2, "one appointment is one row"


def test_who_cannot_be_merged_is_told_why(twice: Terminal) -> None:
    twice.ok("subscribers", "add", "new@example.com", "--date", "2026-12-04", "--zone", "Europe/Berlin")
    for words, answer in (
        (["new@example.com", "1"], "has not confirmed their address; keep the one who has"),
        (["1", "1"], "these are one already"),
        (["1", "nobody@example.com"], "there is no subscriber"),
    ):
        result = twice("subscribers", "merge", *words, "--yes")
        assert (result.code, answer in result.err) == (2, True), result.err


def test_adding_ana_again_after_a_merge_finds_her(twice: Terminal) -> None:
    twice.ok("subscribers", "merge", "1", "2", "--yes")
    add_ana(twice)
    assert [row["id"] for row in twice.ok("subscribers", "list", "--json").json] == [1]
