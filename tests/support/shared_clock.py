"""A clock of several processes: whoever holds the file sees the same moment, and one of them moves it."""

from __future__ import annotations

import mmap
import struct
from datetime import UTC, datetime
from pathlib import Path

_FORMAT = struct.Struct("d")


class SharedClock:
    """Aware UTC when called. With `start` the file is made anew, without it somebody has made it."""

    def __init__(self, file: Path, *, start: datetime | None = None) -> None:
        self.file = file
        if start is not None:
            file.write_bytes(_FORMAT.pack(start.timestamp()))
        with file.open("r+b") as opened:
            self._page = mmap.mmap(opened.fileno(), _FORMAT.size)

    def __call__(self) -> datetime:
        return datetime.fromtimestamp(self.seconds(), UTC)

    def seconds(self) -> float:
        """The same as a number, for a stopwatch: time passes for those who are stopped as for the others."""
        seconds: float = _FORMAT.unpack(self._page[:])[0]
        return seconds

    def forward(self, seconds: float) -> None:
        self._page[:] = _FORMAT.pack(self.seconds() + seconds)

    def close(self) -> None:
        self._page.close()
