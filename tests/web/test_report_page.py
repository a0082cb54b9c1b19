"""The report as one page: the same numbers, nothing from elsewhere, read by everybody, on paper too."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date, timedelta
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import pytest
from many_sends import BEGAN, fill
from playwright.sync_api import Browser

from campaigns import Brand, Catalog
from runup.database import Database, upgrade
from runup.reports import Period, Report, report
from runup.web.charts import Series, Stack, columns, stacks
from runup.web.charts.scales import on_log, rounds, some_days, times
from runup.web.pages import Pages
from runup.web.report_page import page

AXE = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
VOID = {"meta", "link", "br"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, Path]:
    """A report of eighty people, and the file it was written to."""
    folder = tmp_path_factory.mktemp("report")
    database = Database(f"sqlite:///{folder / 'runup.db'}")
    upgrade(database)
    with database.write() as session:
        fill(session, people=80, sends_each=15, days=75)
    now = BEGAN + timedelta(days=80)
    with database.read() as session:
        found = report(session, period=Period(None, now), catalog=Catalog(), now=now)
    database.close()
    brand = Brand(name="Jones & <Sons>", postal_address="1 Example Street", site_url="https://example.com")
    (folder / "report.html").write_text(page(found, Pages(brand)), "utf-8")
    return found, folder / "report.html"


class Outline(HTMLParser):
    """What is open, which ids there are, and what would be fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: Counter[str] = Counter()
        self.fetched: list[str] = []
        self.references: set[str] = set()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        self.ids[values.get("id") or ""] += 1
        self.references |= set((values.get("aria-labelledby") or "").split())
        self.fetched += [values[name] or "" for name in ("src", "href") if name in values]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_fetches_nothing(made: tuple[Report, Path]) -> None:
    written = made[1].read_text("utf-8")
    outline = Outline()
    outline.feed(written)
    assert outline.open == []
    assert outline.fetched == ["data:,"]
    assert "url(" not in written
    assert "<script" not in written
    del outline.ids[""]
    assert set(outline.ids.values()) == {1}
    assert outline.references <= set(outline.ids)
    assert "Jones &amp; &lt;Sons&gt;" in written


def test_its_tables_have_the_numbers_of_the_report(made: tuple[Report, Path]) -> None:
    found, written = made[0], made[1].read_text("utf-8")
    for line in [*found.lines, found.total]:
        fate = line.fate
        cells = [fate.planned, fate.left, fate.delivered, fate.bounced, fate.dropped, line.complained]
        assert "".join(f"<td>{number:,}</td>" for number in cells) in written
    assert len(re.findall(r"<svg ", written)) == 2 * 5
    assert len(re.findall(r"<svg [^>]+><title ", written)) == 2 * 5


def test_what_the_bars_show_is_in_proportion() -> None:
    drawn = columns(
        "c", [Series("Left", "left", [10, 20, 0])], [date(2026, 12, day) for day in (1, 2, 3)],
        title="t", described="d", width=400,
    )  # fmt: skip
    heights = [float(h) for h in re.findall(r'height="([\d.]+)" class="left"', drawn)][1:]  # [0]: the legend
    assert len(heights) == 2
    assert heights[1] == pytest.approx(2 * heights[0], abs=0.2)
    drawn = stacks(
        "s", [Stack("a", (30, 10))], [("One", "one"), ("Two", "two")], title="t", described="d", width=400
    )
    (_, one), (_, two) = (
        re.findall(rf'width="([\d.]+)" height="[\d.]+" class="{look}"', drawn) for look in ("one", "two")
    )
    assert float(one) == pytest.approx(3 * float(two), abs=0.3)


def test_a_name_cannot_break_out_of_a_picture() -> None:
    drawn = stacks(
        "s",
        [Stack('"/><script>', (1,))],
        [("One", "one")],
        title="</title><script>",
        described="<b>",
        width=900,
    )
    assert "<script>" not in drawn
    assert "<b>" not in drawn


@pytest.mark.parametrize(
    ("most", "marks"),
    [(0, [0, 1]), (3, [0, 1, 2, 3]), (7, [0, 2, 4, 6, 8]), (1_001, [0, 500, 1_000, 1_500])],
)  # fmt: skip
def test_axes_have_round_numbers_and_reach_the_highest(most: int, marks: list[int]) -> None:
    assert rounds(most) == marks


def test_times_grow_tenfold_and_every_value_is_on_the_axis() -> None:
    marks = times(4_000)
    assert [words for _, words in marks][-2:] == ["1 h", "10 h"]
    assert on_log(0, marks) == 0
    assert on_log(36_000, marks) == 1
    assert 0 < on_log(1, marks) < on_log(10, marks) < 1


def test_a_day_of_another_year_says_so() -> None:
    assert some_days([date(2026, 12, 28), date(2027, 1, 4)], 5) == [(0, "28 Dec"), (1, "4 Jan 2027")]


@pytest.mark.browser
def test_it_reads_well_on_a_phone_at_a_desk_and_on_paper(
    chromium: Browser, made: tuple[Report, Path], tmp_path: Path
) -> None:
    context = chromium.new_context(viewport={"width": 390, "height": 844}, bypass_csp=True)
    asked: list[str] = []
    tab = context.new_page()
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(made[1].as_uri())
    assert tab.evaluate("document.documentElement.scrollWidth") == 390
    assert tab.locator("svg:visible").count() == 5
    tab.set_viewport_size({"width": 1280, "height": 900})
    assert tab.locator("svg:visible").count() == 5
    tab.evaluate(AXE)
    for scheme in ("light", "dark"):
        tab.emulate_media(color_scheme=scheme)
        found = tab.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
    tab.emulate_media(media="print")
    assert tab.locator(".tall").first.evaluate("box => box.scrollHeight - box.clientHeight") == 0
    printed = tab.pdf(prefer_css_page_size=True)
    assert b"/MediaBox [0 0 595" in printed or b"/MediaBox [0 0 594" in printed
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    context.close()
