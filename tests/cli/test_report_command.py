"""`runup report` in the terminal."""

from __future__ import annotations

import tracemalloc
from datetime import timedelta

import pytest
from many_sends import BEGAN, fill
from terminals import Terminal

from campaigns import Catalog
from runup.cli.report_words import sparkline
from runup.database import Database, upgrade
from runup.reports import Period, report
from runup.reports.wording import lasting, share


@pytest.fixture
def busy(runup: Terminal) -> Terminal:
    """A workspace in which forty people got fifteen emails each, or did not."""
    database = Database(f"sqlite:///{runup.folder / 'runup.db'}")
    with database.write() as session:
        fill(session, people=40, sends_each=15, days=40)
    database.close()
    return runup


def test_every_step_is_a_line_and_the_last_line_is_their_sum(busy: Terminal) -> None:
    *steps, total = busy.ok("report").rows
    assert len(steps) == 15
    assert total[0] == "all"
    for column in range(1, 5):
        assert sum(int(step[column].replace(",", "")) for step in steps) == int(
            total[column].replace(",", "")
        )


def test_json_says_the_same_and_more(busy: Terminal) -> None:
    facts = busy.ok(
        "report", "second_interview", "--since", "2026-09-05", "--until", "2026-09-30", "--json"
    ).json
    assert (facts["campaign"], facts["since"]) == ("second_interview", "2026-09-05T00:00:00Z")
    assert facts["total"]["planned"] == sum(step["planned"] for step in facts["steps"])
    assert facts["total"]["planned"] == sum(span["planned"] for span in facts["over_time"])
    assert facts["people"]["signed_up"] == sum(span["people"]["signed_up"] for span in facts["over_time"])
    assert facts["total"]["left_out"] == sum(facts["total"]["reasons"].values())
    assert 0 < facts["total"]["lateness"]["median"] < facts["total"]["lateness"]["worst"]


def test_the_page_is_written_whole_and_nothing_is_said_in_a_pipe(busy: Terminal) -> None:
    assert busy.ok("report", "--html", "report.html").out == ""
    assert (busy.folder / "report.html").read_text("utf-8").endswith("</html>")
    assert busy("report", "--html", "nowhere/report.html").code == 1
    assert list(busy.folder.glob(".*.part")) == []


def test_a_fresh_workspace_has_nothing_to_report(runup: Terminal) -> None:
    assert runup.ok("report").out.splitlines()[1:] == []
    assert runup.ok("report", "--json").json["steps"] == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--since", "yesterday"], "--since: 'yesterday' is not a day"),
        (["--until", "2026-02-30"], "--until: '2026-02-30' is not a day"),
        (["--since", "2026-12-04", "--until", "2026-12-03"], "2026-12-03 is before 2026-12-04"),
        (["--since", "2027-01-01"], "still to come"),
        (["second_intervew"], "did you mean second_interview?"),
    ],
)
def test_what_cannot_be_reported_is_said(runup: Terminal, words: list[str], message: str) -> None:
    result = runup("report", *words)
    assert result.code == 2
    assert message in result.err


def test_memory_does_not_grow_with_the_emails(busy: Terminal) -> None:
    """The short form of bench/report.py, which does it with a million."""
    database = Database(f"sqlite:///{busy.folder / 'many.db'}")
    upgrade(database)
    with database.write() as session:
        fill(session, people=600, sends_each=15, days=60)
    with database.read() as session:
        tracemalloc.start()
        found = report(
            session, period=Period(None, BEGAN + timedelta(days=120)), catalog=Catalog(), now=BEGAN
        )
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    database.close()
    assert found.total.fate.planned == 9_000
    assert peak < 6_000_000


@pytest.mark.parametrize(
    ("numbers", "room", "drawn"),
    [
        ([0, 1, 4, 7], 10, "·▁▄▇"),
        ([1, 1, 8, 8], 2, "▁▇"),
        ([0, 0], 5, "··"),
        ([], 5, ""),
    ],
)
def test_a_sparkline_shows_proportions(numbers: list[int], room: int, drawn: str) -> None:
    assert sparkline(numbers, room) == drawn


def test_numbers_are_words_a_person_reads() -> None:
    shown = [lasting(seconds) for seconds in (None, 0.0, 0.4, 12.0, 59.9, 90.0, 3600.0, 200_000.0)]
    assert shown == ["-", "0 s", "0.4 s", "12 s", "60 s", "1.5 min", "1 h", "2.3 days"]
    assert [share(1, 3), share(1, 100_000), share(99_999, 100_000), share(2, 2), share(0, 0)] == [
        "33.3 %", "<0.1 %", "99.9 %", "100.0 %", "-",
    ]  # fmt: skip
