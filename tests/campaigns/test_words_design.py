"""The design of the emails: whatever the operator's color, readable; whatever the phone, one column."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from readers import BRAND, FOLDER, KEYS, ZONES, read

from campaigns.colors import READABLE, contrast, fill, mix, readable, text_on
from campaigns.context import Brand
from campaigns.expanding import Expander
from campaigns.source_files import CampaignFiles

TOKENS = (FOLDER.parent / "_base" / "tokens.txt").read_text("utf-8")
SHOWN = """
    ground sheet ink soft line edge tint paper accent go on_go go_edge
    d_ground d_sheet d_ink d_soft d_line d_edge d_paper d_tint d_fill d_accent d_go d_on_go
"""
PAIRS = """
    ink/ground ink/sheet ink/tint ink/paper ink/line soft/ground soft/sheet soft/tint
    accent/sheet accent/tint accent/paper accent/ground on_go/go
    d_ink/d_ground d_ink/d_sheet d_ink/d_tint d_ink/d_paper d_ink/d_line
    d_soft/d_ground d_soft/d_sheet d_soft/d_tint
    d_accent/d_sheet d_accent/d_tint d_accent/d_paper d_accent/d_fill d_on_go/d_go
"""
OUTLINES = "go_edge/sheet edge/sheet edge/paper d_go/d_sheet d_edge/d_sheet d_edge/d_paper"
"""What must be seen, though nothing is written in it: 3 to 1."""
colors = st.tuples(*[st.integers(0, 255)] * 3).map(lambda rgb: "#{:02X}{:02X}{:02X}".format(*rgb))


def tokens_of(color: str) -> dict[str, str]:
    """The colors that the design uses for this brand color."""
    names = SHOWN.split()
    probe = '[% import "_base/tokens.txt" as t %]' + " ".join(f"[[ t.{name} ]]" for name in names)
    files = CampaignFiles("probe", {"_base/tokens.txt": TOKENS, "one/body.txt": probe}, "0")
    document = Expander(files, {"brand": Brand(color=color)}).expand("one/body.txt", "one")
    return dict(zip(names, "".join(str(piece) for piece, _ in document.pieces).split(), strict=True))


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


@settings(max_examples=60, deadline=None)
@given(color=colors)
@example(color="#000000")
@example(color="#FFFFFF")
@example(color="#FFD400")
@example(color="#777777")
@example(color="#3B4CCA")
def test_words_are_readable_in_light_and_dark_whatever_the_brand_color(color: str) -> None:
    tokens = tokens_of(color)
    for pairs, least in ((PAIRS, READABLE), (OUTLINES, 3)):
        for pair in pairs.split():
            word, ground = pair.split("/")
            ratio = contrast(tokens[word], tokens[ground])
            assert ratio >= least, f"{pair} of {color}: {tokens[word]} on {tokens[ground]} is {ratio:.2f}"


@pytest.mark.parametrize(
    ("color", "ground", "words"),
    [("#3B4CCA", "#3B4CCA", "#FFFFFF"), ("#FFD400", "#FFD400", "#14161F"), ("#000000", "#000000", "#FFFFFF")],
)
def test_a_button_keeps_the_brand_color_and_its_words_adapt(color: str, ground: str, words: str) -> None:
    assert fill(color) == ground
    assert text_on(fill(color)) == words


def test_a_color_moves_only_as_far_as_it_must() -> None:
    assert readable("#3B4CCA", "#FFFFFF") == "#3B4CCA"
    assert readable("#FFFFFF", "#14161F") == "#FFFFFF"
    assert READABLE <= contrast(readable("#FFD400", "#FFFFFF"), "#FFFFFF") < READABLE + 0.5
    assert mix("#000000", "#FFFFFF", 50) == "#808080"


@pytest.mark.parametrize("wrong", ["red", "#FFF", "3B4CCA", "#3B4CCAFF", ""])
def test_what_is_no_color_is_refused_by_name(wrong: str) -> None:
    with pytest.raises(ValueError, match="write it as #rrggbb"):
        text_on(wrong)


def test_the_colors_stand_in_one_place() -> None:
    """A color written into an email or a component would not change with the brand, or in the dark."""
    for file in sorted((FOLDER.parent / "_base").iterdir()) + [FOLDER / key / "body.mjml" for key in KEYS]:
        if file.name.endswith(".mjml"):
            text = file.read_text("utf-8")
            assert "#" not in text.replace("[#", "").replace("#]", "").replace("&#", ""), file.name


# What a browser shows

CHROMIUM = os.environ.get("RUNUP_CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]
MEASURE = """() => {
  const shown = [...document.querySelectorAll('body *')].filter(e => e.getClientRects().length);
  const texts = shown.filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
    .filter(e => parseFloat(getComputedStyle(e).fontSize) > 1);  // the preheader is hidden so
  const ground = e => { for (; e; e = e.parentElement) {
    const color = getComputedStyle(e).backgroundColor;
    if (color !== 'rgba(0, 0, 0, 0)') return color; } return 'rgb(255, 255, 255)'; };
  return {
    width: document.documentElement.scrollWidth,
    pairs: texts.map(e => [getComputedStyle(e).color, ground(e), e.textContent.trim().slice(0, 40)]),
    smallest: Math.min(...texts.map(e => parseFloat(getComputedStyle(e).fontSize))),
    buttons: [...document.querySelectorAll('.go a, td.row > a, .tail a')]
      .map(e => e.getBoundingClientRect().height),
    headings: document.querySelectorAll('h1').length,
    right: Math.max(...shown.map(e => e.getBoundingClientRect().right)),
  };
}"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def hex_of(rgb: str) -> str:
    return "#{:02X}{:02X}{:02X}".format(
        *(int(part) for part in rgb.removeprefix("rgb(").rstrip(")").split(","))
    )


@pytest.mark.browser
@pytest.mark.timeout(120)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_every_email_fits_its_screen_and_is_readable_there(
    chromium: Browser, width: int, scheme: Any
) -> None:
    page = chromium.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for key in KEYS:
        page.set_content(read(key, zones=ZONES[2], has_plan=True).html)
        seen = page.evaluate(MEASURE)
        assert seen["width"] <= width, key
        assert seen["right"] <= width, key
        assert seen["smallest"] >= 13, key
        assert all(height >= 44 for height in seen["buttons"]), (key, seen["buttons"])
        for word, ground, text in seen["pairs"]:
            assert contrast(hex_of(word), hex_of(ground)) >= READABLE, (key, text, word, ground)
    assert asked == [], "an email asks nobody for anything"
    page.close()


@pytest.mark.parametrize("logo", ["", "https://runup.example.com/logo.png"])
def test_the_logo_takes_the_place_of_the_mark_and_says_whose_it_is(logo: str) -> None:
    files = CampaignFiles(
        "probe",
        {f"_base/{file.name}": file.read_text("utf-8") for file in (FOLDER.parent / "_base").iterdir()}
        | {"one/body.mjml": '[% extends "_base/layout.mjml" %]'},
        "0",
    )
    brand = Brand(name="Nordwind", logo_url=logo, color=BRAND.color)
    pieces = Expander(files, {"brand": brand}).expand("one/body.mjml", "one").pieces
    mjml = "".join(piece for piece, _ in pieces if isinstance(piece, str))
    assert ('alt="Nordwind"' in mjml) == (f'src="{logo}"' in mjml and logo != "") == bool(logo)
    assert ('class="stair"' in mjml) != bool(logo)
