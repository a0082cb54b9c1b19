"""The fault matrix names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "proofs.md"
TESTS = {file.name: file for file in (ROOT / "tests").rglob("test_*.py")}


def rows() -> list[str]:
    section = PAGE.read_text("utf-8").partition("## The fault matrix")[2].partition("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("|")][2:]


def test_every_fault_has_a_test_and_the_test_exists() -> None:
    assert len(rows()) >= 34
    for row in rows():
        named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", row)
        assert named, row
        for file, test in named:
            assert file in TESTS, f"{file} of {row}"
            assert f"\ndef {test}(" in TESTS[file].read_text("utf-8"), f"{file}::{test}"
