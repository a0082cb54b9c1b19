"""A copy of a workspace, started as a process elsewhere: it says so and sends nothing until it is told to."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from terminals import PROGRAM, Terminal, in_a_process

from delivery.inbox import read_outbox


@contextmanager
def serving(folder: Path, *words: str, machine: str) -> Iterator[tuple[str, list[str]]]:
    """The site's address, and what was said before it."""
    process = subprocess.Popen(
        [PROGRAM, "serve", "--port", "0", *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"RUNUP_MACHINE": machine},
    )
    assert process.stdout is not None
    said = []
    try:
        for line in process.stdout:
            if found := re.search(r"^Site: (http://\S+)/", line):
                yield found[1], said
                break
            said.append(line.rstrip("\n"))
        else:
            raise AssertionError(said)
    finally:
        process.terminate()
        process.communicate(timeout=40)


def becomes(url: str, words: str, *, seconds: float = 100) -> httpx.Response:
    deadline = time.monotonic() + seconds
    while words not in (answer := httpx.get(f"{url}/health", timeout=60)).text:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.1)
    return answer


@pytest.mark.timeout(400)
def test_a_copy_starts_stopped_and_one_word_lets_it_go(bare: Terminal, tmp_path: Path) -> None:
    bare.ok("init")
    with serving(bare.folder, machine="production") as (url, said):
        assert said == []
        assert becomes(url, '"ok"').status_code == 200
    copy = tmp_path / "copy"
    shutil.copytree(bare.folder, copy)
    soon = (datetime.now(UTC) + timedelta(days=21)).date().isoformat()
    added = in_a_process(
        "subscribers", "add", "ana@example.com", "--date", soon, "--zone", "Europe/Berlin", cwd=copy
    )
    assert added.returncode == 0, added.stderr
    with serving(copy, machine="staging") as (url, said):
        assert said[0].startswith("Stopped (moved_machine): this database was at work in another place")
        assert said[1] == "Due now: 1 (1 confirm); of what is late, the latest for each interview leaves"
        assert "a…@example.com" in said[3]
        assert said[-1].endswith("`runup sends release`, or start with --resume.")
        assert becomes(url, "moved_machine").status_code == 503
    assert not list(read_outbox(copy / "outbox"))
    with serving(copy, "--resume", machine="staging") as (url, said):
        assert said == []
        becomes(url, '"ok"')
        deadline = time.monotonic() + 100
        while not list(read_outbox(copy / "outbox")):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    with serving(copy, machine="staging") as (_, said):
        assert said == [], "it is at home now"
