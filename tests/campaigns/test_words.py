"""The words of the second interview, read the way a reader reads them: rendered, in every branch."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

# The readers are a module of their own in tests/support; tests/ holds no packages to import them from.
sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from readers import ADVICE, AXES, FOLDER, KEYS, ZONES, both, branches, read, reader_of

from campaigns.compiling import compile_campaign
from campaigns.context import Brand, LinkSet
from campaigns.rendering import Renderer

DAY_BOUND = ("catchup", "day_before", "morning", "welcome", "moved")
PARTING = ("confirm", "confirm_again", "goodbye")
WRONG = re.compile(
    r"\bNone\b|\{\{|\{%|\{#|\[\[|\[%|\[#"  # what a template leaves behind
    r"|(?<=\S)[ \t]{2,}(?=\S)|\n{4,}"  # holes
    r"|[ \t][,;:!?](?!\w)|(?<=[^\s.])[ \t]\.(?!\.)|,\s*,|\(\s*\)|[^.]\.\s*\.(?!\.)"  # lost words
    r"|^[ \t]*(?:-|\[ \]|\d\.)[ \t]*$",  # empty items
    re.M,
)

EMPTY = re.compile(r"<(li|p|ul|ol|h\d|strong|td)\b(?! style=\"border-top)[^>]*>\s*</\1>")
"""An element with nothing in it; a divider is a paragraph that is all border."""


@pytest.mark.parametrize("key", KEYS)
def test_every_email_has_its_files(key: str) -> None:
    for name in ("subject.txt", "preheader.txt", "body.mjml", "body.txt"):
        assert (FOLDER / key / name).is_file(), f"{key}/{name}"
    for name in ("core.mjml", "core.txt"):
        assert (FOLDER / key / name).is_file() == (key in ADVICE), f"{key}/{name}"


@pytest.mark.parametrize(
    "broken",
    ["at None", "Hi {{ name }},", "two  spaces", "Hello ,", "news about .", "by , or", "()", "Yes..", "- \n"],
)
def test_the_reading_check_finds(broken: str) -> None:
    assert WRONG.search(f"Hi Ana,\n\n{broken}\n")


@pytest.mark.parametrize("key", KEYS)
def test_no_branch_reads_wrong(key: str) -> None:
    for _, content in branches(key):
        for seen in (content.subject, content.preheader, *both(content)):
            found = WRONG.search(seen)
            assert not found, seen[max(0, found.start() - 60) : found.end() + 20]
        assert not EMPTY.search(content.html)


@pytest.mark.parametrize("key", KEYS)
def test_subjects_are_short_and_name_no_company(key: str) -> None:
    for _, content in branches(key):
        assert 0 < len(content.subject) <= 60
        assert 0 < len(content.preheader) <= 100
        for private in ("Nordwind", "Data analyst", "Ana"):
            assert private not in content.subject + content.preheader


def test_no_two_emails_share_a_subject_or_a_preheader() -> None:
    owners: dict[str, set[str]] = {}
    for key in KEYS:
        for _, content in branches(key):
            owners.setdefault(content.subject, set()).add(key)
            owners.setdefault(content.preheader, set()).add(key)
    assert [words for words, keys in owners.items() if len(keys) > 1] == []


@pytest.mark.parametrize("key", KEYS)
def test_today_and_tomorrow_are_said_only_when_they_are_true(key: str) -> None:
    for reader, content in branches(key):
        for seen in (content.subject, content.preheader, *both(content)):
            assert reader.interview.is_today or not re.search(r"\btoday\b|\btonight\b", seen, re.I)
            assert reader.interview.is_tomorrow or not re.search(r"\btomorrow\b", seen, re.I)


@pytest.mark.parametrize(
    ("key", "days_left", "phrase"),
    [
        ("day_before", 1, "Tomorrow is the day."),
        ("day_before", 0, "Today is the day."),
        ("day_before", 5, "The day is near."),
        ("morning", 0, "Good luck today"),
        ("catchup", 0, "Your interview is today."),
        ("catchup", 1, "Your interview is tomorrow."),
        ("thanks", 0, "Thank you for your time today."),
        ("thanks", -3, "Thank you for your time on Friday."),
    ],
)
def test_the_day_is_named_where_it_is_known(key: str, days_left: int, phrase: str) -> None:
    for seen in both(read(key, days_left=days_left)):
        assert phrase in seen


@pytest.mark.parametrize("key", DAY_BOUND)
def test_the_full_date_time_and_zone_are_always_printed(key: str) -> None:
    for reader, content in branches(key):
        city = {
            "Europe/Berlin": "Berlin",
            "America/St_Johns": "St. John’s",
            "Pacific/Kiritimati": "Kiritimati",
        }
        for seen in both(content):
            assert "Friday 4 December 2026" in seen
            if reader.interview.start_time is not None:
                assert f"09:30, {city[reader.interview.zone]} time" in seen


@pytest.mark.parametrize("key", DAY_BOUND)
@pytest.mark.parametrize("is_rush", [False, True])
def test_sam_who_talks_to_a_team_in_kiritimati_sees_both_clocks(key: str, is_rush: bool) -> None:
    text, seen = both(read(key, zones=ZONES[2], is_rush=is_rush))
    assert "On your clock\n16:00, St. John’s time\nThursday 3 December 2026\n" in seen
    assert "On theirs\n09:30, Kiritimati time\nFriday 4 December 2026\n" in seen
    assert "On your clock: Thursday 3 December 2026, 16:00, St. John’s time\n" in text
    assert "On theirs: Friday 4 December 2026, 09:30, Kiritimati time\n" in text
    for one in both(read(key, zones=ZONES[1], is_rush=is_rush)):
        assert "On your clock" not in one


@pytest.mark.parametrize("key", DAY_BOUND)
def test_the_calendar_leaf_shows_the_reader_s_own_day_first(key: str) -> None:
    leaf = re.compile(r"^Dec\n(\d)\n(Thu|Fri)$", re.M)
    assert leaf.findall(both(read(key, zones=ZONES[2]))[1]) == [("3", "Thu"), ("4", "Fri")]
    assert leaf.findall(both(read(key, has_time=False))[1]) == [("4", "Fri")]


def test_the_checklist_is_named_for_the_reader_s_own_weekday() -> None:
    assert read("day_before", zones=ZONES[2]).subject == "Checklist for Thursday"
    assert read("day_before", zones=ZONES[1]).subject == "Checklist for Friday"
    assert read("day_before", has_time=False).subject == "Checklist for Friday"


def test_confirm_repeats_nothing_the_visitor_typed() -> None:
    nobody = read("confirm", first_name="", company="", role="")
    assert {content for _, content in branches("confirm")} == {nobody}
    assert "interview" not in "".join(both(nobody)).lower()


@pytest.mark.parametrize("key", KEYS)
def test_the_footer_says_who_writes_and_how_to_leave(key: str) -> None:
    for seen in both(read(key)):
        assert "1 Sample Street, Sampletown" in seen
        assert "You get this" in seen
        assert ("Unsubscribe" in seen) == (key not in PARTING)
    content = read(key)
    assert ("/unsubscribe/" in content.html) == ("/unsubscribe/" in content.text) == (key not in PARTING)


@pytest.mark.parametrize(
    ("address", "line"),
    [
        ("Interviews, 1 Sample Street", "Interviews, 1 Sample Street"),
        ("1 Sample Street", "Interviews, 1 Sample Street"),
        ("", "Interviews"),
    ],
)
def test_the_sender_s_name_is_not_said_twice(address: str, line: str) -> None:
    brand = Brand(name="Interviews", postal_address=address)
    words = Renderer(compile_campaign(FOLDER, brand=brand))
    for seen in both(words.render("canceled", replace(reader_of(), brand=brand))):
        assert seen.strip().splitlines()[-1].strip() == line


@pytest.mark.parametrize("key", KEYS)
def test_the_text_part_offers_every_link_of_the_html_part(key: str) -> None:
    for _, content in branches(key):
        linked = set(re.findall(r'href="([^"]+)"', content.html))
        assert linked <= set(re.findall(r"https://[^\s]+?(?=[.,)]?(?:\s|$))", content.text))


@pytest.mark.parametrize("key", KEYS)
def test_the_html_is_small_and_tells_its_language_and_structure(key: str) -> None:
    for _, content in branches(key):
        html = content.html
        assert len(html.encode()) < 60_000
        assert 'lang="en"' in html
        assert html.count("<h1") == 1
        assert not re.search(r"<title>\s*</title>", html)
        assert "<img" not in html
        tables = re.findall(r"<table[^>]*>", html)
        assert all('role="presentation"' in table for table in tables)
        assert not re.search(r"@import|fonts\.g|<link", html)


def test_what_a_reader_typed_is_escaped() -> None:
    content = read("welcome", reader_of(first_name='<b>"Ana"'))
    assert "Hi &lt;b&gt;" in content.html
    assert "Nordwind &amp; S" in content.html
    assert 'Hi <b>"Ana",' in content.text


def test_every_axis_has_a_value_that_changes_some_email() -> None:
    """A branch nobody reads would make this file blind."""
    for name, values in AXES.items():
        emails = {tuple(read(key, **{name: value}).text for key in KEYS) for value in values}
        assert len(emails) > 1, name


def test_confirm_and_goodbye_need_no_link_but_their_own() -> None:
    """A stranger's address gets nothing to manage, and who has left has nothing left to manage."""
    confirm = replace(reader_of(), links=LinkSet(confirm="https://runup.example.com/confirm/x"))
    assert "https://runup.example.com/confirm/x" in read("confirm", confirm).text
    goodbye = replace(reader_of(), links=LinkSet(), brand=Brand())
    assert "http" not in read("goodbye", goodbye).text
