"""What a server said, made fit for our logs."""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"[^\s<>\"'(),;:=]+@[^\s<>\"'(),;:]+")
_KEY = re.compile(r"SG\.[\w.-]+")
_UNPRINTABLE = re.compile(r"[^ -~]+")


def quotable(said: str | bytes, *, limit: int = 200) -> str:
    """`said` on one line of printable ASCII, without addresses and keys, at most `limit` characters.

    Servers like to repeat the recipient ("550 <ana@example.com>: user unknown"), and what they say ends up in
    logs and on terminals (invariant 21).
    """
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    # Looking first is ten times as fast, and most of what servers say has neither.
    if "@" in text:
        text = _ADDRESS.sub("<address>", text)
    if "SG." in text:
        text = _KEY.sub("<key>", text)
    return " ".join(_UNPRINTABLE.sub(" ", text).split())[:limit]


class HiddenText(str):
    """Text that tracebacks with local variables, debuggers and reporters do not show."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<hidden>"


class HiddenBytes(bytes):
    """Bytes that tracebacks with local variables, debuggers and reporters do not show."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{len(self)} bytes, hidden>"
