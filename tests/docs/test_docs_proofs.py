"""The page of proofs names tests; they are there."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent.parent
PAGE = TESTS.parent / "docs" / "reference" / "proofs.md"


def test_every_test_that_the_page_of_proofs_names_exists() -> None:
    defined = {
        name
        for file in TESTS.rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)\(", file.read_text("utf-8"))
    }
    named = set(re.findall(r"\b(test_\w+)\b(?!\.py)(?!/)", PAGE.read_text("utf-8")))
    assert named
    assert named - defined == set()


def test_every_file_that_the_page_of_proofs_names_exists() -> None:
    named = set(re.findall(r"\b((?:tests|bench)/[\w/]+\.py)\b", PAGE.read_text("utf-8")))
    assert {name for name in named if not (TESTS.parent / name).is_file()} == set()
