"""Nothing of the machine it was written on is in what we give away."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
COPIED = ("docs", "tests", "bench", "README.md", "pyproject.toml")
"""Outside a checkout there is no list of tracked files; these are what the tests are copied with."""
# Written in pieces, or this file would be the first to be found.
PLACES = re.compile(
    r"(?<![\w.~-])/(?:wo" r"rk|ho" r"me|ro" r"ot|Us" r"ers)/\w"
    r"|(?<![\w.~/-])/t" r"mp/\w"
    r"|[A-Z]:\\\\Us" r"ers"
)  # fmt: skip
REGISTRIES = re.compile(
    r"files\.python" r"hosted|py" r"pi\.org/sim" r"ple|/sim" r"ple/?(?=[\s\"']|$)"
    r"|--(?:extra-)?index-u" r"rl|--trusted-h" r"ost|arti" r"factory|ne" r"xus\."
)  # fmt: skip
ADDRESS = re.compile(r"\w+://")


def tracked() -> Iterator[Path]:
    if (ROOT / ".git").exists():
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        yield from (ROOT / name for name in listed.split("\0") if name)
        return
    for name in COPIED:
        entry = ROOT / name
        yield from (f for f in ([entry] if entry.is_file() else entry.rglob("*")) if f.is_file())


def texts() -> Iterator[tuple[str, int, str]]:
    for file in tracked():
        if not file.is_file() or "__pycache__" in file.parts:
            continue  # deleted, and not committed yet
        content = file.read_bytes()
        if b"\0" not in content:
            for number, line in enumerate(content.decode("utf-8").splitlines(), start=1):
                yield file.relative_to(ROOT).as_posix(), number, line


def found(pattern: re.Pattern[str]) -> list[str]:
    return [f"{name}:{number}: {hit[0]}" for name, number, line in texts() if (hit := pattern.search(line))]


def test_no_file_names_a_place_on_somebodys_machine():
    assert found(PLACES) == []


def test_no_file_says_where_packages_are_downloaded_from():
    assert found(REGISTRIES) == []


def test_the_lock_files_hold_hashes_and_no_addresses():
    for lock in ROOT.glob("requirements*.lock"):
        text = lock.read_text("utf-8")
        assert ADDRESS.search(text) is None, f"{lock.name} has an address in it"
        pinned = re.findall(
            r"^([A-Za-z0-9._\[\]-]+)==\S+.*\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE
        )
        named = re.findall(r"^[A-Za-z0-9]\S*", text, re.MULTILINE)
        assert len(pinned) == len(named) > 0, f"{lock.name} names something without a hash"


def test_such_lines_would_be_found():
    place = "cd /ho" + "me/ana/runup"
    assert PLACES.search(place)
    assert PLACES.search("in /t" + "mp/some-folder")
    assert REGISTRIES.search("--index-u" + "rl https://mirror.example.com/sim" + "ple")
    assert PLACES.search("see /plan/TOKEN/move and https://example.com/work/") is None
