"""What compiling and checking came to, kept in a folder: the same files need not be looked at twice."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import sys
import tempfile
import zlib
from contextlib import suppress
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from campaigns.compiling import Run
from campaigns.confined import Limits, run_confined

KEPT = 40
"""Answers in one folder; each is some hundred kilobytes at most."""
_GITIGNORE = "# Made by runup; may be deleted at any time.\n*\n"


def remembered(folder: Path, run: Run = run_confined) -> Run:
    """Like `run`, which is asked only what `folder` has no answer to.

    An answer is that of the very same files, asked in the very same way, of this version of our code and of
    the engines under it. What was refused is not kept. A folder that cannot be read or written changes
    nothing but the time it takes.
    """

    def asked(job: str, request: dict[str, Any], limits: Limits, campaign: str) -> Any:
        file = folder / f"{_name(job, request, limits, campaign)}.json.gz"
        with suppress(OSError, EOFError, zlib.error, ValueError, KeyError, TypeError):
            return _read(file)
        answer = run(job, request, limits, campaign)
        with suppress(OSError):  # a full disk, a folder of somebody else's: we do without
            _keep(file, answer)
        return answer

    return asked


def _name(job: str, request: dict[str, Any], limits: Limits, campaign: str) -> str:
    asked = json.dumps([_makers(), job, campaign, asdict(limits), request], sort_keys=True)
    return hashlib.sha256(asked.encode()).hexdigest()[:32]


@cache
def _makers() -> list[Any]:
    """Whatever could make another answer of the same files: this room's own files among it, so that whoever
    works on them never meets yesterday's."""
    ours = sorted(file for file in Path(__file__).parent.iterdir() if file.suffix in (".py", ".toml"))
    stats = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in ours]
    return [version("jinja2"), version("mjml-python"), sys.version_info[:3], stats]


def _read(file: Path) -> Any:
    answer = json.loads(gzip.decompress(file.read_bytes()))["answer"]
    with suppress(OSError):
        os.utime(file)  # the least used goes first
    return answer


def _keep(file: Path, answer: Any) -> None:
    """Whole or not at all, whoever else writes the same at the same time."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (file.parent / ".gitignore").exists():
        (file.parent / ".gitignore").write_text(_GITIGNORE, "utf-8")
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=".making-")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(gzip.compress(json.dumps({"answer": answer}).encode(), 1))
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _forget(file.parent)


def _forget(folder: Path) -> None:
    """Beyond those last used, and what somebody killed has left behind."""
    files = sorted(folder.glob("*.json.gz"), key=lambda one: one.stat().st_mtime, reverse=True)
    for file in [*files[KEPT:], *_left_behind(folder)]:
        file.unlink(missing_ok=True)


def _left_behind(folder: Path) -> list[Path]:
    newest = max(file.stat().st_mtime for file in folder.iterdir())
    return [file for file in folder.glob(".making-*") if file.stat().st_mtime < newest - 3600]
