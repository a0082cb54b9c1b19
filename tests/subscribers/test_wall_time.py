"""The one place where a wall time becomes a moment: our own zone data, RFC 5545's rule, missing days."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest

from subscribers import MissingDate, UnknownZone, parse_zone, tzdata_version, zone_names
from subscribers.wall_time import local, local_day, require_day, resolve


def test_zones_are_places_people_live_in() -> None:
    names = zone_names()
    assert {
        "Europe/Berlin",
        "America/St_Johns",
        "Pacific/Kiritimati",
        "America/Argentina/Ushuaia",
        "UTC",
    } <= names
    assert not {"Etc/GMT+5", "EST5EDT", "localtime", "Factory", "CET", "posixrules"} & names
    assert all(parse_zone(name) == name for name in names)
    with pytest.raises(UnknownZone, match="choose one such as Europe/Berlin"):
        parse_zone("Berlin")


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Pacific/Apia", date(2011, 12, 30)),
        ("Pacific/Fakaofo", date(2011, 12, 30)),
        ("Pacific/Kwajalein", date(1993, 8, 21)),
    ],
)
def test_days_the_calendar_skipped(zone: str, day: date) -> None:
    with pytest.raises(MissingDate, match=f"{day} does not exist in {zone}"):
        require_day(day, zone)
    assert require_day(day, "Europe/Berlin") == day


@pytest.mark.parametrize("zone", ["Africa/Cairo", "America/Havana", "America/Santiago", "Asia/Beirut"])
def test_no_day_is_refused_because_its_midnight_is_missing(zone: str) -> None:
    for ordinal in range(date(2026, 1, 1).toordinal(), date(2028, 1, 1).toordinal()):
        day = date.fromordinal(ordinal)
        assert require_day(day, zone) == day


def test_there_and_back() -> None:
    moment = resolve(date(2026, 6, 19), time(14, 30, 15), "Asia/Kathmandu")
    assert moment == datetime(2026, 6, 19, 8, 45, 15, tzinfo=UTC)
    assert moment.tzinfo is UTC
    assert local(moment, "Asia/Kathmandu").isoformat() == "2026-06-19T14:30:15+05:45"
    assert local_day(moment, "Pacific/Kiritimati") == date(2026, 6, 19)
    assert local_day(moment, "Pacific/Pago_Pago") == date(2026, 6, 18)


def test_the_data_comes_from_the_package_even_where_the_system_has_its_own(tmp_path: Path) -> None:
    """An old or foreign zone in the system's folder must not be believed."""
    from importlib.resources import files

    folder = tmp_path / "Europe"
    folder.mkdir()
    tokyo = files("tzdata").joinpath("zoneinfo", "Asia", "Tokyo").read_bytes()
    (folder / "Berlin").write_bytes(tokyo)
    program = (
        "from datetime import *; from subscribers.wall_time import resolve, local; import zoneinfo, os;"
        "print(resolve(date(2026, 6, 19), time(14), 'Europe/Berlin').hour,"
        "      local(datetime(2026, 6, 19, 12, tzinfo=UTC), 'Europe/Berlin').hour, zoneinfo.TZPATH)"
    )
    environment = os.environ | {"PYTHONTZPATH": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split(maxsplit=2) == ["12", "14", "()\n"]


def test_the_release_is_named() -> None:
    assert tzdata_version()[:4].isdigit()
