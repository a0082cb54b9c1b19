from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from subscribers import zone_names


@dataclass(frozen=True)
class ZoneChoice:
    name: str
    """IANA name, the value that is sent."""
    label: str


@cache
def zone_choices() -> tuple[tuple[str, tuple[ZoneChoice, ...]], ...]:
    """The zones a person chooses from, grouped by region: one per place people live by.

    The table of places has no aliases (`US/Eastern`, `Asia/Calcutta`); the form accepts those too, for
    browsers still guess some of them.
    """
    groups: dict[str, list[ZoneChoice]] = {}
    for name in sorted(_places() & zone_names()):
        region, _, place = name.partition("/")
        groups.setdefault(region, []).append(ZoneChoice(name, place.replace("_", " ").replace("/", ", ")))
    groups["Everywhere"] = [ZoneChoice("UTC", "UTC")]
    return tuple((region, tuple(choices)) for region, choices in groups.items())


@cache
def is_listed(name: str) -> bool:
    """Whether the choices hold it; any other known zone gets an option of its own where it is chosen."""
    return name == "UTC" or name in _places()


@cache
def _places() -> frozenset[str]:
    table = files("tzdata").joinpath("zoneinfo", "zone.tab").read_text("utf-8")
    return frozenset(line.split("\t")[2] for line in table.splitlines() if line and line[0] != "#")
