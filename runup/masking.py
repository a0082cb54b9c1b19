"""Addresses, keys and people's links taken out of whatever is to be written down."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from typing import Any

LONGEST = 4_000
"""Characters of one value; a traceback keeps its end, where the error stands."""
DEEPEST = 6
_PLAIN = (bool, int, float, type(None), datetime, date, timedelta)
_HIDDEN_NAMES = re.compile(
    r"password|passwd|secret|authorization|cookie|api_?key|signature|(?:^|_)(?:token|address|email|recipient)$",
    re.IGNORECASE,
)
_URL_PASSWORD = re.compile(r"(\w+://[^\s/@:]*):[^\s/@]+@")
_END = r"\s<>\"'(),;:\[\]{}|\\/"
_ADDRESS = re.compile(rf"(?:\"[^\"\n]{{0,64}}\"|[^={_END}]{{1,320}})(?:@|%40)[^{_END}]+")
_KEYS = re.compile(r"SG\.[\w.-]+|whsec_[\w+/=-]+|(?i:bearer|basic) +[\w.~+/=-]{8,}")
_TOKEN = re.compile(r"[\w-]{2,16}\.[\w-]{43}(?![\w-])")
"""The signed part of a link, as subscribers.links makes it: whoever has it has somebody's page."""


class Mask:
    """Knows what must not be written. `secrets`: the values themselves, found wherever they turn up."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        found = sorted({secret for secret in secrets if len(secret) >= 6}, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, found))) if found else None

    def text(self, said: str) -> str:
        """`said` without them; line ends stay, other control characters become spaces."""
        if len(said) <= LONGEST:
            return self._masked(said)
        # More is masked than is kept: half an address at a cut would not be known for one.
        head, tail = self._masked(said[:LONGEST]), self._masked(said[-2 * LONGEST :])
        return f"{head[: LONGEST // 4]} … {tail[-LONGEST // 2 :]}"

    def _masked(self, said: str) -> str:
        if self._secrets is not None:
            said = self._secrets.sub("<secret>", said)
        if "://" in said:
            said = _URL_PASSWORD.sub(r"\1:<secret>@", said)
        if "@" in said or "%40" in said:
            said = _ADDRESS.sub("<address>", said)
        if "." in said or "_" in said or " " in said:
            said = _TOKEN.sub("<token>", _KEYS.sub("<key>", said))
        return "".join(c if c.isprintable() or c == "\n" else " " for c in said)

    def mapping(self, values: Mapping[Any, Any], *, depth: int = 0) -> dict[str, Any]:
        """Names that say "secret" hide their value whatever it is."""
        return {
            self.text(str(name)): "<hidden>"
            if value and _HIDDEN_NAMES.search(str(name))
            else self.value(value, depth=depth)
            for name, value in values.items()
        }

    def value(self, value: Any, *, depth: int = 0) -> Any:
        """The value, as deep as it goes."""
        if isinstance(value, _PLAIN):
            return value
        if isinstance(value, str):
            return self.text(value)
        if depth >= DEEPEST:
            return "…"
        if isinstance(value, Mapping):
            return self.mapping(value, depth=depth + 1)
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(one, depth=depth + 1) for one in value]
        if isinstance(value, bytes | bytearray | memoryview):
            return self.text(bytes(value).decode("utf-8", "replace"))
        return self.text(repr(value))
