"""Links between pages lead to a page, and to a heading that is on it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "bench").rglob("*.md")})
BESIDE = ("docs", "bench", "tests", "README.md", "pyproject.toml")
"""What the tests may be copied with. Of the rest a link is only looked at in a checkout."""
IS_CHECKOUT = (ROOT / "runup" / "settings.py").is_file()
_CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)|\bsrc=\"([^\"]+)\"|\bhref=\"([^\"]+)\"")


def links_of(page: Path) -> Iterator[str]:
    for found in _LINK.finditer(_CODE.sub("", page.read_text("utf-8"))):
        yield next(filter(None, found.groups()))


def anchors_of(page: Path) -> set[str]:
    """The names GitHub gives the headings of a page."""
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ +(.+?) *$", text, re.MULTILINE)
    words = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in headings]
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in words}


def broken(page: Path, link: str) -> str:
    if re.match(r"[a-z][a-z0-9+.-]*:", link):
        return ""
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.is_relative_to(ROOT):
        return "it leads out of the project"
    if not IS_CHECKOUT and target.relative_to(ROOT).parts[:1] not in {(name,) for name in BESIDE}:
        return ""
    if not target.exists():
        return "there is no such page"
    if anchor and target.suffix == ".md" and anchor not in anchors_of(target):
        return f"there is no heading {anchor!r}; there are {', '.join(sorted(anchors_of(target)))}"
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_of_the_page_leads_somewhere(page):
    faults = {link: fault for link in links_of(page) if (fault := broken(page, link))}
    assert faults == {}


@pytest.mark.parametrize(
    "link", ["no-such-page.md", "reference/data.md#no-such-heading", "../../elsewhere.md", "#no-such-heading"]
)
def test_a_link_that_leads_nowhere_is_found(link):
    assert broken(ROOT / "docs" / "README.md", link)


def test_pictures_are_small():
    for picture in (ROOT / "docs").rglob("*.png"):
        assert picture.stat().st_size < 200_000, picture.name
