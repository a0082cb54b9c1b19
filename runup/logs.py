"""What the processes say of themselves: one line per event on standard error, no address, no secret."""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Collection, MutableMapping
from typing import Any, TextIO, cast

import structlog
from structlog.types import Processor

from runup.masking import Mask

LEVELS = ("debug", "info", "warning", "error")
_LOUD = ("httpcore", "python_http_client", "sqlalchemy.engine")
"""Libraries whose debug lines hold keys, recipients or rows: they say nothing below a warning, whatever the
level."""


class _StandardError(io.TextIOBase):
    """Standard error as it is when something is written, not as it was when logging began: whoever has
    closed or replaced it meanwhile must not turn a log line into an error."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


_STDERR = _StandardError()


def configure_logs(
    *, form: str = "auto", level: str = "info", secrets: Collection[str] = (), quiet: bool = False
) -> None:
    """From now on, ours and the libraries' alike. `form`: `json`, `console`, or `auto`: lines for people on a
    terminal, JSON otherwise. `secrets` are never written, wherever they turn up. `quiet`: only what is wrong.
    """
    least = max(logging.getLevelName(level.upper()), logging.WARNING if quiet else logging.DEBUG)
    is_console = form == "console" or (form == "auto" and sys.stderr.isatty())
    ours: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _process,
        structlog.processors.format_exc_info,
    ]
    last: list[Processor] = [_masking(Mask(secrets)), _renderer(is_console)]
    structlog.configure(
        processors=[*ours, *last],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _STDERR)),
    )
    _libraries(ours, last, max(least, logging.WARNING))


def _libraries(ours: list[Processor], last: list[Processor], least: int) -> None:
    """What libraries say by `logging` takes the same way."""
    handler = logging.StreamHandler(_STDERR)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *ours],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    for former in [h for h in root.handlers if isinstance(h.formatter, structlog.stdlib.ProcessorFormatter)]:
        root.removeHandler(former)
    root.addHandler(handler)
    root.setLevel(least)
    for name in _LOUD:
        logging.getLogger(name).setLevel(max(least, logging.WARNING))
    logging.captureWarnings(True)  # noqa: FBT003 - the library's own signature


def _renderer(is_console: bool) -> Processor:
    if is_console:
        # The other formatter prints the local variables of every frame, and those are people.
        return structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    return structlog.processors.JSONRenderer(ensure_ascii=False)


def _process(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Several workers write into one journal: whose line is it?"""
    event.setdefault("process", os.getpid())
    return event


def _masking(mask: Mask) -> Processor:
    def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return mask.mapping(event)

    return redact
