"""The German emails of the second interview: every branch of each, and not a line of English in any."""

from __future__ import annotations

import re
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from readers import ADVICE, FOLDER, KEYS, TITLES, both, branches, read, reader_of, renderer

from campaigns.context import Context

SHARED = re.compile(
    r"https?://|runup|Sample Street|Data analyst|Nordwind|^Ana$|^\W*[\d:., ]*$|^\[? ?\]?$|^Name$"
)
"""What both languages may say: addresses, names, hours."""
ENGLISH_DAYS = re.compile(r"\b(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b|\b(?:October|December)\b|\btime\b")
FORMAL = re.compile(r"[„“”][^„“”]*[“”]|\[[^\]]*\]")


def reader_in_german(**known: Any) -> Context:
    return replace(reader_of(**known), locale="de")


def lines(words: str) -> set[str]:
    return {line.strip() for line in words.splitlines() if line.strip() and not SHARED.search(line.strip())}


@pytest.mark.parametrize("key", KEYS)
def test_every_email_is_there_in_german(key: str) -> None:
    assert renderer().language(key, "de") == "de"
    assert TITLES[key]["titles"]["de"] != TITLES[key]["title"]


@pytest.mark.parametrize("key", KEYS)
def test_no_branch_says_a_line_that_the_english_emails_say(key: str) -> None:
    english: set[str] = set()
    for _, content in branches(key):
        english |= lines(content.subject) | lines(content.preheader)
        english |= {line for words in both(content) for line in lines(words)}
    for reader, content in branches(key, "de"):
        german = {line for words in both(content) for line in lines(words)}
        german |= lines(content.subject) | lines(content.preheader)
        assert not german & english, reader
        assert not ENGLISH_DAYS.search(content.text), reader
        assert 'lang="de"' in content.html


@pytest.mark.parametrize("key", KEYS)
def test_subjects_fit_a_phone_in_every_branch(key: str) -> None:
    subjects = {content.subject for _, content in branches(key, "de")}
    assert max(map(len, subjects)) <= 60
    assert all(content.preheader != content.subject for _, content in branches(key, "de"))


def test_no_two_emails_share_a_subject() -> None:
    seen: dict[str, str] = {}
    for key in KEYS:
        for subject in {content.subject for _, content in branches(key, "de")}:
            assert seen.setdefault(subject, key) == key


@pytest.mark.parametrize("key", KEYS)
def test_both_parts_say_the_same_days_and_the_same_links(key: str) -> None:
    for _, content in branches(key, "de"):
        text, html = both(content)
        days = re.compile(r"\d{1,2}\. (?:November|Dezember) 2026")
        assert set(days.findall(text)) == set(days.findall(html))
        linked = set(re.findall(r'href="(https://runup\.example\.com/[^"]*)"', content.html))
        assert linked - set(re.findall(r"https://\S+", text)) == set()


def test_ana_reads_days_and_zones_as_germans_write_them() -> None:
    content = read("day_before", reader_in_german(days_left=1, zones=("Pacific/Kiritimati", "Europe/Berlin")))
    assert content.subject == "Checkliste für Donnerstag"
    assert "Nach deiner Uhr: Donnerstag, 3. Dezember 2026, 20:30, Ortszeit Berlin" in content.text
    assert "Nach ihrer Uhr: Freitag, 4. Dezember 2026, 09:30, Ortszeit Kiritimati" in content.text
    assert "morgen ist es so weit" in content.text


def test_the_catch_up_tells_its_parts_in_german() -> None:
    text = read("catchup", reader_in_german(merged=ADVICE, days_left=5)).text
    assert "die Einzelheiten, die Leute, die Form, das Geld und deine Fragen" in text
    assert "Ein Teil hätte noch einen eigenen Tag gehabt: das Geld." in (
        read("catchup", reader_in_german(merged=("salary",), days_left=5)).text
    )


@pytest.mark.parametrize("stem", ["pay", "follow_up"])
def test_every_fact_is_told_in_german(stem: str) -> None:
    facts = FOLDER / "facts"
    english = tomllib.loads((facts / f"{stem}.toml").read_text("utf-8"))
    german = tomllib.loads((facts / f"{stem}.de.toml").read_text("utf-8"))
    assert list(english) == list(german)
    for key, row in german.items():
        assert not row.keys() - english[key].keys()
        assert all(row[field] != english[key][field] for field in row)


def test_pay_is_told_where_we_know_of_a_rule() -> None:
    known, unknown = (read("salary", reader_in_german(country=country)).text for country in ("DE", "JP"))
    assert "Deutschland hatte bis zum 7. Juni 2026 Zeit" in known
    assert "Das ist keine Rechtsberatung." in known
    assert "Website des Arbeitsministeriums" in unknown


@pytest.mark.parametrize("key", sorted(set(KEYS) - {"confirm", "confirm_again"}))
def test_readers_are_addressed_as_du_and_employers_as_sie(key: str) -> None:
    for _, content in branches(key, "de"):
        assert re.search(r"\b(?:du|dir|dich|dein\w*)\b", content.text, re.I)
        assert "!" not in FORMAL.sub("", content.text) or key == "offer"
