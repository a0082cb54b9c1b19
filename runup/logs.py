"""What the processes say of themselves: one line per event on standard error, no address, no secret."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO, cast

import structlog

from delivery.redaction import quotable

LONGEST = 2_000


class _StandardError(io.TextIOBase):
    """Standard error as it is when something is written, not as it was when logging began: whoever has
    closed or replaced it meanwhile must not turn a log line into an error."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


_STDERR = _StandardError()


def configure_logs(*, quiet: bool = False) -> None:
    """Lines for people on a terminal, JSON lines otherwise. `quiet`: only what is wrong."""
    level = logging.WARNING if quiet else logging.INFO
    is_watched = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _redact,
            structlog.dev.ConsoleRenderer() if is_watched else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _STDERR)),
    )
    logging.basicConfig(level=logging.WARNING, stream=_STDERR, format="%(levelname)s %(name)s: %(message)s")
    # Its debug lines hold the key and the recipient.
    logging.getLogger("python_http_client").setLevel(logging.WARNING)


def _redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if isinstance(value, str) and ("@" in value or "SG." in value):
            event[key] = quotable(value, limit=LONGEST)
    return event
