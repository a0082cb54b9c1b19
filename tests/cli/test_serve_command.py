"""The processes that stay: the site and the worker, started and stopped as an operator does."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from terminals import PROGRAM, Terminal, in_a_process

from delivery.inbox import read_outbox


@contextmanager
def running(*words: str, cwd: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A process that stays; killed at the end if it is still there."""
    process = subprocess.Popen(
        [PROGRAM, *words],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def site_of(process: subprocess.Popen[str]) -> str:
    """Its address, once it says so."""
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"http://\S+?/", line)
    assert found, line
    return found[0]


def until(holds: object, *, seconds: float = 30) -> None:
    """Wait for another process, which has its own clock."""
    deadline = time.monotonic() + seconds
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def told_to_end(process: subprocess.Popen[str], number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
    process.send_signal(number)
    _, errors = process.communicate(timeout=40)
    return process.returncode, errors


def test_serve_begins_an_installation_from_nothing(bare: Terminal) -> None:
    with running("serve", "--port", "0", cwd=bare.folder) as process:
        site = site_of(process)
        assert httpx.get(site, timeout=60).status_code == 200
        until(lambda: httpx.get(f"{site}health", timeout=60).status_code == 200)
        assert {"secrets.toml", "runup.db"} <= {file.name for file in bare.folder.iterdir()}
        code, errors = told_to_end(process)
    assert code == 0, errors


def test_serve_sends_what_is_due_and_ends_on_a_signal(bare: Terminal) -> None:
    bare.ok("init")
    in_a_process(
        "subscribers", "add", "ana@example.com", "--date", _soon(), "--zone", "Europe/Berlin", cwd=bare.folder
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        with running("serve", "--port", "0", cwd=bare.folder) as process:
            site_of(process)
            until(lambda: list(read_outbox(bare.folder / "outbox")))
            assert told_to_end(process, number)[0] == 0
    (email,) = read_outbox(bare.folder / "outbox")
    assert email.subject == "Please confirm your email"


def test_a_second_worker_on_sqlite_says_who_the_first_is(runup: Terminal) -> None:
    with running("serve", "--port", "0", cwd=runup.folder) as first:
        site_of(first)
        second = in_a_process("work", cwd=runup.folder)
        assert second.returncode == 75
        assert f"process {first.pid} on " in second.stderr
        assert second.stderr.count("\n") == 1
        with running("serve", "--port", "0", "--no-worker", cwd=runup.folder) as site_only:
            assert httpx.get(site_of(site_only), timeout=60).status_code == 200
    assert in_a_process("status", cwd=runup.folder).returncode == 0


def test_a_port_that_is_taken_is_one_line(runup: Terminal) -> None:
    with running("serve", "--port", "0", cwd=runup.folder) as first:
        port = re.search(r":(\d+)/", site_of(first))
        assert port
        second = in_a_process("serve", "--no-worker", "--port", port[1], cwd=runup.folder)
    assert second.returncode == 1
    assert "Address already in use" in second.stderr
    assert second.stderr.count("\n") == 1


def test_several_workers_share_postgresql_and_end_together(bare: Terminal, postgresql_url: str) -> None:
    bare.ok("init")
    environment = {"RUNUP_DATABASE": postgresql_url}
    for number in range(12):
        done = in_a_process(
            "subscribers", "add", f"p{number}@example.com", "--date", _soon(), "--zone", "Europe/Berlin",
            cwd=bare.folder, **environment,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    with running("work", "--processes", "2", cwd=bare.folder, **environment) as process:
        until(lambda: len(list(read_outbox(bare.folder / "outbox"))) == 12, seconds=60)
        code, errors = told_to_end(process)
    assert code == 0, errors
    recipients = [email.recipient for email in read_outbox(bare.folder / "outbox")]
    assert len(set(recipients)) == len(recipients) == 12


def test_a_worker_that_dies_ends_the_others(bare: Terminal, postgresql_url: str) -> None:
    bare.ok("init")
    with running("work", "--processes", "2", cwd=bare.folder, RUNUP_DATABASE=postgresql_url) as process:
        until(lambda: len(_children(process.pid)) == 2)
        os.kill(_children(process.pid)[0], signal.SIGKILL)
        _, errors = process.communicate(timeout=40)
    assert process.returncode == 1
    assert "ended by itself" in errors


def test_sqlite_has_one_worker(runup: Terminal) -> None:
    result = runup("work", "--processes", "2")
    assert (result.code, "on SQLite there is one worker" in result.err) == (2, True)


def test_a_preview_is_served_to_this_machine(with_ana: Terminal) -> None:
    with running("preview", "--step", "salary", "--port", "0", cwd=with_ana.folder) as process:
        site = site_of(process)
        assert "salary-01.html" in httpx.get(site, timeout=60).text
        assert "<html" in httpx.get(f"{site}emails/salary-01.html", timeout=60).text
        assert told_to_end(process, signal.SIGINT)[0] in (0, 130)


def _children(pid: int) -> list[int]:
    """The worker processes below a process, without the one that cleans up after them."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def _soon() -> str:
    """A day three weeks from now on the machine's own clock, which the processes read."""
    from datetime import UTC, datetime, timedelta

    return (datetime.now(UTC) + timedelta(days=21)).date().isoformat()
