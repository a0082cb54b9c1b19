"""The operator's side of the tests: type a command, read what it answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine

from runup.cli import main

MONDAY = "2026-11-23T09:00:00+00:00"
PROGRAM = Path(sys.executable).with_name("runup")
"""The installed program, as an operator starts it."""


@dataclass
class Result:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def rows(self) -> list[list[str]]:
        """A piped listing without its titles."""
        return [line.split("\t") for line in self.out.splitlines()[1:]]


class Terminal:
    """Types commands in a folder, on a Monday at nine unless told otherwise."""

    def __init__(
        self, folder: Path, capture: pytest.CaptureFixture[str], clock: time_machine.Traveller
    ) -> None:
        self.folder = folder
        self._capture = capture
        self._clock = clock

    def __call__(self, *words: str | Path) -> Result:
        self._capture.readouterr()
        code = main([str(word) for word in words])
        written = self._capture.readouterr()
        return Result(code, written.out, written.err)

    def ok(self, *words: str | Path) -> Result:
        """Run what must succeed."""
        result = self(*words)
        assert result.code == 0, result.err or result.out
        return result

    def later(self, moment: str) -> None:
        self._clock.move_to(datetime.fromisoformat(moment))


def add_ana(terminal: Terminal, *more: str) -> Result:
    return terminal.ok(
        "subscribers", "add", "ana@example.com", "--date", "2026-12-04", "--time", "14:00",
        "--zone", "Europe/Berlin", "--first-name", "Ana", "--consent-proof", "paper form 12", *more,
    )  # fmt: skip


def in_a_process(*words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the installed program on its own, with the machine's clock."""
    return subprocess.run(
        [PROGRAM, *words],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | environment,
    )
