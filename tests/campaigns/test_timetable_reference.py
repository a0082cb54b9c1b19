"""The reference page names every key a timetable may have, and none that does not exist."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest

from campaigns import timetable
from campaigns.sequence import Anchor, Day, Late, OncePer
from campaigns.variants_table import DECIDE_KEYS, VARIANT_KEYS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "timetable.md"


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def keys_of(part: str) -> set[str]:
    return set(re.findall(r"^\| `(\w+)` \|", part, re.M))


def test_every_key_is_explained(page: str) -> None:
    top, steps = page.split("## In a step")
    assert keys_of(top.split("## At the top")[1]) == timetable.SEQUENCE_KEYS
    steps, variants = steps.split("## Variants")
    assert keys_of(steps) == timetable.STEP_KEYS
    assert keys_of(variants) == VARIANT_KEYS | DECIDE_KEYS


def test_every_choice_is_explained(page: str) -> None:
    for kind in (Anchor, Day, Late, OncePer):
        for choice in kind:
            assert f'"{choice.value}"' in page, choice


def test_the_examples_are_those_of_the_shipped_file(page: str) -> None:
    shipped = re.sub(
        r"\s+", "", files("templates").joinpath("second_interview", "sequence.toml").read_text("utf-8")
    )
    for key, example in re.findall(r"^\| `(\w+)` \| .* \| `(.+)` \|$", page, re.M):
        if key != "apart":  # shortened there
            assert re.sub(r"\s+", "", f"{key}={example}") in shipped, key
