"""What goes wrong in one world: drawn from its seed, fired by the draw, and forbidden by the shrinker."""

from __future__ import annotations

import zlib
from collections.abc import Collection
from random import Random

PER_CALL = (
    "not_sent", "rate_limited", "rejected", "account", "unknown", "lost_answer", "foreign_error", "slow",
    "bounced", "dropped", "complained", "left_by_header",
)  # fmt: skip
"""At one call of the provider."""
PER_EVENT = ("feed_lost", "feed_twice", "feed_late", "feed_forged")
"""At one event of the feed."""
PER_PORT = {
    "kill": 0.1, "stall": 0.1, "switch": 3.0, "db_before": 0.1, "db_rolled_back": 0.1, "db_after": 0.1,
    "db_busy": 0.1, "poison": 0.1, "journal_full": 1.0,
}  # fmt: skip
"""At one of the many port calls of a send: a fraction of the drawn rate."""
OFTEN = {"forgetful_site": 3.0}
"""People do little; when their acts are at stake it must happen."""
PER_WORLD = (
    "outage", "pause", "feed_down", "provider_down", "db_down", "clock_step", "restart", "ambush",
    "forgetful_site",
)  # fmt: skip
"""Windows and moments, a few in a world."""
KINDS = (*PER_CALL, *PER_EVENT, *PER_PORT, *PER_WORLD)

CHANCE = 0.25
MOST = 0.30


class Faults:
    """Each kind is enabled with a chance of a quarter and then fires at a drawn rate.

    Every kind draws from a stream of its own, so that forbidding one firing leaves the others' draws alone.
    `without`: kinds (`kill`) and single firings (`kill#3`) that must not happen.
    """

    def __init__(self, seed: int, *, without: Collection[str] = ()) -> None:
        rng = Random(f"rates/{seed}")
        self.seed = seed
        self.without = frozenset(without)
        self.is_off = False
        self.fired: list[str] = []
        rates = {kind: rng.random() * MOST if rng.random() < CHANCE else 0.0 for kind in KINDS}
        self.rates = {
            kind: min(rate * (PER_PORT | OFTEN).get(kind, 1.0), 0.9)
            for kind, rate in rates.items()
            if rate and kind not in self.without
        }
        self._drawn = dict.fromkeys(self.rates, 0)
        self._streams = {kind: Random(zlib.crc32(f"{seed}/{kind}".encode())) for kind in self.rates}

    def has(self, kind: str) -> bool:
        return kind in self.rates and not self.is_off

    def fires(self, kind: str) -> bool:
        """Draw once for `kind`; True when it happens now."""
        rate = self.rates.get(kind)
        if rate is None or self.is_off:
            return False
        self._drawn[kind] += 1
        if self._streams[kind].random() >= rate:
            return False
        name = f"{kind}#{self._drawn[kind]}"
        if name in self.without:
            return False
        self.fired.append(name)
        return True

    def size(self, kind: str, least: float, most: float) -> float:
        """How long or how much, for a fault that has fired: drawn from a stream of its own, so that what is
        forbidden before it changes nothing here."""
        name = f"{self.seed}/{kind}#{self._drawn.get(kind, 0)}/size"
        return least + (most - least) * Random(zlib.crc32(name.encode())).random()
