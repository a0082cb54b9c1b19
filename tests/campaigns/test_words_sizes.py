"""The emails stay small, and the published table of their sizes stays true."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from email_sizes import sizes
from official_mjml import expanded
from readers import KEYS

TABLE = (Path(__file__).parents[2] / "docs" / "reference" / "email-sizes.md").read_text("utf-8")


def rows(name: str) -> dict[str, list[float]]:
    return {
        key: [float(number) for number in re.findall(r"([\d.]+)(?: kB)? \|", rest)]
        for key, rest in re.findall(rf"^\| {name} \|(.+)$", TABLE, re.M)
    }


ROWS, GERMAN = rows(r"`(\w+)`"), rows(r"`(\w+)` in `de`")


@pytest.mark.parametrize("key", KEYS)
def test_the_published_sizes_are_at_most_a_fifth_out_of_date(key: str) -> None:
    *lengths, words = sizes(key)
    assert ROWS[key] == pytest.approx([*(length / 1000 for length in lengths), words], rel=0.2)


@pytest.mark.parametrize("key", KEYS)
def test_in_german_they_are_as_small_and_as_up_to_date(key: str) -> None:
    *lengths, words = sizes(key, "de")
    assert GERMAN[key] == pytest.approx([*(length / 1000 for length in lengths), words], rel=0.2)
    assert lengths[1] < (60_000 if key == "catchup" else 40_000)


def test_the_table_holds_every_email_and_no_other() -> None:
    assert list(ROWS) == list(GERMAN) == KEYS


@pytest.mark.parametrize("key", KEYS)
def test_no_email_comes_near_the_cut_of_gmail(key: str) -> None:
    assert sizes(key)[1] < (60_000 if key == "catchup" else 40_000)


@pytest.mark.parametrize("key", ["catchup", "goodbye"])
def test_what_official_mjml_is_asked_about_is_a_whole_document_without_tags(key: str) -> None:
    mjml = expanded(key)
    assert mjml.lstrip().startswith("<mjml")
    assert mjml.rstrip().endswith("</mjml>")
    assert not re.search(r"\{\{|\{%|\[\[|\[%", mjml)
