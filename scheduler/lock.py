from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class AlreadyRunning(Exception):
    """Another process works on this SQLite file; the message names it."""

    exit_code = 75
    """EX_TEMPFAIL: nothing is wrong, it is somebody else's turn."""

    def __init__(self, file: Path, holder: str) -> None:
        super().__init__(
            f"another worker is at work on {file} ({holder or 'it has just begun'}); "
            "stop it, or use PostgreSQL to run several"
        )
        self.holder = holder


@contextmanager
def only_worker(file: Path | None) -> Iterator[None]:
    """Be the only worker process on the SQLite database `file`, for as long as the context lasts.

    Raises AlreadyRunning. None (PostgreSQL, a database in memory) locks nothing. The lock goes with the
    process, however it ends; the file `<file>.lock` stays and means nothing by itself. Two workers without
    it would do no harm but wait for each other: correctness never rests on this.
    """
    if file is None:
        yield
        return
    path = file.with_name(f"{file.name}.lock")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(
                file, os.pread(descriptor, 200, 0).decode(errors="replace").strip()
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
