"""A workspace of its own for each test, entered through the real front door."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
import time_machine
from databases import postgresql_server, postgresql_url
from terminals import MONDAY, Terminal, add_ana

__all__ = ["postgresql_server", "postgresql_url"]


@pytest.fixture
def bare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Terminal]:
    """A terminal in an empty folder, with nothing of ours in the environment."""
    for name in [name for name in os.environ if name.startswith("RUNUP_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "workspace"
    folder.mkdir()
    monkeypatch.chdir(folder)
    with time_machine.travel(datetime.fromisoformat(MONDAY), tick=True) as clock:
        yield Terminal(folder, capsys, clock)


@pytest.fixture
def runup(bare: Terminal) -> Terminal:
    """A terminal in a fresh workspace on SQLite."""
    bare.ok("init")
    return bare


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest, bare: Terminal, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal in a fresh workspace, once on each database."""
    if request.param == "postgresql":
        monkeypatch.setenv("RUNUP_DATABASE", request.getfixturevalue("postgresql_url"))
    bare.ok("init")
    return bare


@pytest.fixture
def with_ana(runup: Terminal) -> Terminal:
    """Ana in Berlin has an interview on Friday the 4th at 14:00, and has agreed."""
    add_ana(runup)
    return runup
