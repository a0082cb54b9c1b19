"""An operator finds people, ties words to them and takes them out."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from terminals import Terminal

PEOPLE = (
    "email,first_name,home_zone,interview_date,list,tags,consent_at,consent_proof\n"
    "ana@example.com,Ana,Europe/Berlin,2026-12-04,,vip,2026-11-01,form 1\n"
    "kiri_100%@example.com,Kiri,Pacific/Kiritimati,2026-12-20,newsletter,,2026-11-01,form 2\n"
    "sam@example.org,Sam,America/St_Johns,2026-12-04,,vip late,2026-11-01,form 3\n"
    "eve@example.org,Zoë,Europe/Paris,,newsletter,,2026-11-01,form 4\n"
)


@pytest.fixture
def town(runup: Terminal) -> Terminal:
    Path("town.csv").write_text(PEOPLE)
    runup.ok("subscribers", "import", "town.csv", "--confirmed")
    runup.ok("subscribers", "unsubscribe", "sam@example.org")
    runup.ok("subscribers", "add", "new@example.com", "--date", "2026-12-09", "--zone", "Europe/Berlin")
    return runup


def names(terminal: Terminal, *words: str) -> list[str]:
    found = terminal.ok("subscribers", "search", *words, "--addresses", "--json").json
    return [row["email"].partition("@")[0] for row in found]


def test_people_are_found_by_what_is_known_of_them(town: Terminal) -> None:
    assert names(town) == ["new", "eve", "sam", "kiri_100%", "ana"]
    assert names(town, "EXAMPLE.ORG") == ["eve", "sam"]
    assert names(town, "zoë") == ["eve"]
    assert names(town, "_100%") == ["kiri_100%"], "neither sign stands for anything else"
    assert names(town, "%") == ["kiri_100%"]
    assert names(town, "--tagged", "VIP") == ["sam", "ana"]
    assert names(town, "--tagged", "vip", "--tagged", "late") == ["sam"]
    assert names(town, "--list", "newsletter") == ["eve", "kiri_100%"]
    assert names(town, "--zone", "Europe/") == ["new", "eve", "ana"]
    assert names(town, "--zone", "Europe/Paris") == ["eve"]
    assert names(town, "--interview-from", "2026-12-05", "--interview-to", "2026-12-20") == [
        "new",
        "kiri_100%",
    ]
    assert names(town, "--state", "confirmed") == ["eve", "kiri_100%", "ana"]
    assert names(town, "--state", "unconfirmed") == ["new"]
    assert names(town, "--state", "unsubscribed") == ["sam"]
    town.ok("suppressions", "add", "ana@example.com")
    assert names(town, "--state", "suppressed") == ["ana"]
    assert names(town, "--limit", "2", "--page", "2") == ["sam", "kiri_100%"]
    assert names(town, "nobody-is-called-so") == []


def test_addresses_are_shown_shortened_unless_somebody_asks(town: Terminal) -> None:
    plain = town.ok("subscribers", "search", "ana")
    assert "a…@example.com" in plain.out
    assert "ana@example.com" not in plain.out
    assert town.ok("subscribers", "search", "ana", "--json").json[0]["email"] == "a…@example.com"


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["--list", "newslettre"], "there is no list 'newslettre'; did you mean newsletter?"),
        (["--zone", "Europe/Berlino"], "is no zone; did you mean Europe/Berlin?"),
        (["--tagged", "=1"], "cannot be a tag"),
        (["--state", "happy"], "happy"),
        (["--interview-from", "soon"], "--interview-from: 'soon' is not a day"),
        (["--page", "0"], "--page 1 or more"),
    ],
)
def test_a_question_nobody_can_answer_is_named(runup: Terminal, words: list[str], answer: str) -> None:
    result = runup("subscribers", "search", *words)
    assert result.code == 2
    assert answer in result.err


def test_words_are_tied_to_one_person_or_to_many(town: Terminal) -> None:
    assert town.ok("subscribers", "tag", "spring", "b2", "--who", "ana@example.com").out == (
        "1 people; new for 1.\n"
    )
    look = ["subscribers", "tag", "reader", "--list", "newsletter"]
    assert town.ok(*look, "--dry-run", "--json").json == {"people": 2, "changed": 0}
    refused = town(*look)
    assert (refused.code, names(town, "--tagged", "reader")) == (2, [])
    assert "--yes" in refused.err
    assert town.ok(*look, "--yes", "--json").json == {"people": 2, "changed": 2}
    assert town.ok(*look, "--yes", "--json").json == {"people": 2, "changed": 0}
    town.ok("subscribers", "untag", "vip", "--tagged", "late")
    assert names(town, "--tagged", "vip") == ["ana"]
    assert town.ok("subscribers", "show", "ana@example.com", "--json").json["tags"] == ["b2", "spring", "vip"]
    for words in (["vip"], ["--who", "ana@example.com"], ["a b c =", "--who", "ana@example.com"]):
        assert town("subscribers", "tag", *words).code == 2


def test_a_part_of_the_people_goes_out_in_either_form(town: Terminal) -> None:
    town.ok("subscribers", "export", "berlin.csv", "--zone", "Europe/Berlin", "--state", "confirmed")
    with Path("berlin.csv").open(newline="") as file:
        assert [row["email"] for row in csv.DictReader(file)] == ["ana@example.com"]
    town.ok("subscribers", "export", "readers.jsonl", "--list", "newsletter")
    lines = [json.loads(line) for line in Path("readers.jsonl").read_text().splitlines()]
    assert [(line["email"], line.get("list")) for line in lines] == [
        ("kiri_100%@example.com", None), ("kiri_100%@example.com", "newsletter"),
        ("eve@example.org", "newsletter"),
    ]  # fmt: skip
    assert lines[2]["first_name"] == "Zoë"
    assert len(town.ok("subscribers", "export", "--lines", "--text", "sam").out.splitlines()) == 1
