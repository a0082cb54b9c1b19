from __future__ import annotations

import json
from typing import Any

import orjson

_LONGEST_INTEGER = 20
"""Digits; a moment has ten. Python takes quadratic time over long ones, and refuses those past 4,300."""


def read_list(body: bytes) -> list[Any] | None:
    """The JSON list in `body`, or None when it holds none, whatever it holds.

    A number out of bounds, half a character or broken UTF-8 spoils one value, not the list around it: the
    other events of a batch are somebody's bounces. Of a key that comes twice the last counts.
    """
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        found = _read_patiently(body)
    return found if isinstance(found, list) else None


def _read_patiently(body: bytes) -> Any:
    """Slower, and takes what strict JSON does not have. It costs time in proportion to the body, no more."""
    try:
        return json.loads(body.decode("utf-8", "replace"), parse_int=_integer)
    except (ValueError, RecursionError):
        return None


def _integer(digits: str) -> int | None:
    return int(digits) if len(digits) <= _LONGEST_INTEGER else None
