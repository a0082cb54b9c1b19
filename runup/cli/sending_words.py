"""How a send reads in a table."""

from __future__ import annotations

from typing import Any

from scheduler import Line

SEND_COLUMNS = {"at": "When", "step": "Step", "title": "Email", "what": "What"}
_KINDS = {"left": "left", "coming": "coming", "in_doubt": "in doubt", "left_out": "not sent"}


def send_row(line: Line) -> dict[str, Any]:
    """A row for people; programs get the `Line` itself."""
    return {
        "at": f"{line.at:%a %Y-%m-%d %H:%M}" if line.at and line.kind != "left_out" else "",
        "step": line.step,
        "title": line.title,
        "what": what(line),
    }


def what(line: Line) -> str:
    """`left`, `coming`, or `not sent: the outcome is known`."""
    words = _KINDS[line.kind]
    if line.merged:
        words += f", stands for {', '.join(line.merged)}"
    if line.why:
        words += f": {line.why}"
    return f"{words} ({line.detail})" if line.detail else words
