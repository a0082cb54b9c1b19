"""What exists is described, and what is described exists."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from cyclopts import App

from campaigns import Catalog
from runup.cli import app
from runup.database import Base
from runup.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
# `RUNUP_CHROMIUM` and its like belong to the tests; what an operator may set is a field of Settings.
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
SETTINGS = {PREFIX + name.upper() for name in Settings.model_fields}


def read(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def commands(of: App, *path: str) -> Iterator[str]:
    for name in of:
        if not name.startswith("-"):
            yield " ".join((*path, name))
            yield from commands(of[name], *path, name)


def test_the_first_screen_of_the_readme_has_the_two_commands():
    first_screen = "\n".join(read("README.md").splitlines()[:24])
    assert re.search(r"^make demo\b", first_screen, re.MULTILINE)
    assert re.search(r"^make test\b", first_screen, re.MULTILINE)


def test_every_setting_is_on_the_page_of_settings():
    mentioned = set(re.findall(r"RUNUP_[A-Z][A-Z_]*[A-Z]", read("docs/reference/settings.md")))
    assert mentioned - SETTINGS == set(), "there are no such settings"
    assert SETTINGS - mentioned == set(), "nothing tells an operator of these"


@pytest.mark.parametrize(
    "page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.relative_to(DOCS).as_posix()
)
def test_no_page_speaks_of_a_setting_that_does_not_exist(page):
    mentioned = set(re.findall(r"\bRUNUP_[A-Z][A-Z_]*[A-Z]", page.read_text("utf-8")))
    # The how-to for a provider that does not exist names its setting; the proofs have a long form each.
    others = {
        "RUNUP_POSTBODE_TOKEN", "RUNUP_KILLS", "RUNUP_SIM_SEEDS", "RUNUP_SIM_MUTANTS", "RUNUP_API_CASES",
        "RUNUP_TIMED_PAIRS", "RUNUP_NETWORKS", "RUNUP_TOKENS", "RUNUP_ARTIFACTS", "RUNUP_REHEARSED_PEOPLE",
        "RUNUP_PEOPLE_PLANNED", "RUNUP_FIRST_DAY_READERS",
    }  # fmt: skip
    assert mentioned - SETTINGS - others == set()


def test_every_command_is_on_the_page_of_the_command_line():
    page = read("docs/reference/cli.md")
    missing = [name for name in commands(app) if not re.search(rf"\brunup {re.escape(name)}\b", page)]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_page_speaks_of_a_command_that_does_not_exist(page):
    known = set(commands(app))
    groups = {name for name in known if any(other.startswith(f"{name} ") for other in known)}
    code = "\n".join(re.findall(r"^```.*?^```|`[^`\n]+`", page.read_text("utf-8"), re.DOTALL | re.MULTILINE))
    typed = r"(?:^|^\$ |`|bin/|&& |\$\()runup ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?"
    for first, second in re.findall(typed, code, re.MULTILINE):
        name = f"{first} {second}" if first in groups and second else first
        assert name in known, f"runup {name}"


@pytest.mark.parametrize("page", sorted((DOCS / "how-to").glob("*.md")), ids=lambda page: page.name)
def test_settings_shown_in_a_how_to_are_accepted(page, monkeypatch):
    monkeypatch.delenv("RUNUP_HOME", raising=False)
    for block in re.findall(r"^ *```toml\n(.*?)^ *```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE):
        values = tomllib.loads(block)
        if values.keys() & Settings.model_fields.keys():  # else it is a timetable or a table of facts
            assert Settings(**values).model_fields_set >= set(values)


def test_every_table_is_on_the_page_of_data():
    named = set(re.findall(r"`(\w+)`", read("docs/reference/data.md")))
    assert set(Base.metadata.tables) - named == set()


def test_every_step_that_is_named_as_an_example_exists():
    shipped = Catalog().sequence("second_interview")
    for page in (DOCS / "how-to").glob("*.md"):
        for step in re.findall(r"runup send-test \S+ (\w+)(?! +--campaign)\b", page.read_text("utf-8")):
            assert step in shipped, f"{page.name}: {step}"


def test_every_decision_and_every_page_is_in_the_index():
    index = read("docs/README.md")
    pages = [page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md") if page != DOCS / "README.md"]
    assert [page for page in sorted(pages) if f"({page})" not in index] == []


def test_every_decision_has_a_number_of_its_own_and_a_date():
    pages = sorted((DOCS / "decisions").glob("*.md"))
    numbers = [page.name[:4] for page in pages]
    assert len(set(numbers)) == len(numbers)
    for page in pages:
        head = "\n".join(page.read_text("utf-8").splitlines()[:4])
        assert re.search(r"\b20\d\d-\d\d-\d\d\b", head), f"{page.name} has no date"


def test_the_version_is_the_same_everywhere():
    assert tomllib.loads(read("pyproject.toml"))["project"]["version"] == version("runup")
    for changelog in ROOT.glob("CHANGELOG.md"):
        newest = re.search(r"^## \[(.+?)\]", changelog.read_text("utf-8"), re.MULTILINE)
        assert newest
        assert newest[1] == version("runup")
