"""What the docs show is what happens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from docs_reader import Line, Reader, lines_to_follow, shown_in_order, tried_on

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TRIED = {page: day for page in PAGES if (day := tried_on(page.read_text("utf-8")))}


@pytest.fixture
def reader_of(tmp_path: Path, kept_words: Path) -> Iterator:
    """Somebody who reads today what was written on `day`."""
    readers: list[Reader] = []

    def read(day: date) -> Reader:
        # Whenever the docs are read is today: the machine's own calendar is the point here.
        days = (date.today() - day).days  # noqa: DTZ011
        readers.append(Reader(tmp_path, days_later=days, kept_words=kept_words))
        return readers[-1]

    yield read
    for reader in readers:
        reader.kill()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", TRIED, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_reader_who_types_what_the_page_says_sees_what_it_shows(page, reader_of):
    lines = lines_to_follow(page.read_text("utf-8"))
    assert lines, "the page is marked as tried and has nothing to try"
    reader = reader_of(TRIED[page])
    for line in lines:
        try:
            reader.follow(line)
        except AssertionError as error:
            raise AssertionError(f"{page.name}:{line.number}: {error}") from None
    reader.stop()


def test_the_pages_a_newcomer_follows_are_among_them():
    tried = {page.relative_to(ROOT).as_posix() for page in TRIED}
    assert tried >= {"README.md", "docs/tutorial/first-hour.md", "docs/how-to/change-an-email.md"}


@pytest.mark.timeout(200)
def test_the_demo_prints_what_the_readme_shows(reader_of):
    readme = (ROOT / "README.md").read_text("utf-8")
    transcript = re.search(r"^```text\n(The site answers.*?)^```", readme, re.DOTALL | re.MULTILINE)
    assert transcript
    reader_of(date(2026, 11, 23)).follow(
        Line(1, "runup demo --once", shown=[line for line in transcript[1].splitlines() if line.strip()])
    )


PAGE = """
<!-- tried on 2026-11-23 -->

```console
$ runup subscribers add ana@example.com --date 2026-12-11
Subscriber 1, … 2026-12-11 14:00 Europe/Berlin.
$ runup status
```

<!-- by hand: Ctrl-C -->

```sh
runup doctor
```
"""


def test_a_page_is_followed_line_by_line_from_its_mark_on():
    add, status, stop = lines_to_follow(f"```console\n$ rm everything\n```\n{PAGE}")
    assert add.command == "runup subscribers add ana@example.com --date 2026-12-11"
    assert add.shown == ["Subscriber 1, … 2026-12-11 14:00 Europe/Berlin."]
    assert (status.command, status.shown) == ("runup status", [])
    assert (stop.command, stop.by_hand) == ("Ctrl-C", True)


@pytest.mark.parametrize(
    ("shown", "printed", "missing"),
    [
        (["0 errors, 0 warnings"], "0 errors, 0 warnings", ""),
        (["0 errors, 0 warnings"], "3 errors, 0 warnings", "0 errors, 0 warnings"),
        (["Fri 04 Dec 14:00  welcome"], "Tue 09 Feb 09:03\twelcome", ""),
        (["Fri 04 Dec 14:00  welcome"], "Tue 09 Feb 09:03\tdetails", "Fri 04 Dec 14:00  welcome"),
        (["a", "…", "c"], "a\nb\nc", ""),
        (["c", "a"], "a\nb\nc", "a"),
        (["interview 1: … Berlin."], "interview 1: 2027-02-01 14:00 Berlin.", ""),
        (["interview 1: … Berlin."], "interview 2: 2027-02-01 14:00 Berlin.", "interview 1: … Berlin."),
    ],
)  # fmt: skip
def test_dates_may_differ_words_and_numbers_may_not(shown, printed, missing):
    assert shown_in_order(shown, printed) == missing


def test_a_command_that_fails_or_prints_something_else_is_noticed(reader_of):
    reader = reader_of(date(2026, 11, 23))
    fails, differs = Line(1, "runup no-such-command"), Line(2, "runup --version", shown=["version 99"])
    with pytest.raises(AssertionError, match="ended with 2"):
        reader.follow(fails)
    with pytest.raises(AssertionError, match="did not print:\nversion 99"):
        reader.follow(differs)
