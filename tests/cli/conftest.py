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
def runup(bare: Terminal, initialized: dict[str, tuple[bytes, int]]) -> Terminal:
    """A terminal in a fresh workspace on SQLite, as the program itself has made it once."""
    if not initialized:
        bare.ok("init")
        files = [file for file in bare.folder.rglob("*") if file.is_file()]
        initialized |= {f"{file.relative_to(bare.folder)}": _content(file) for file in files}
    for name, (content, mode) in initialized.items():
        file = bare.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        file.chmod(mode)
    return bare


def _content(file: Path) -> tuple[bytes, int]:
    return file.read_bytes(), file.stat().st_mode


@pytest.fixture(scope="session")
def initialized() -> dict[str, tuple[bytes, int]]:
    """What `runup init` leaves in a folder, by name; empty until somebody has asked it."""
    return {}


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
