# ruff: noqa: E501 - another program's lines
"""Our calendar files as three programs read them: icalendar, ics.py, ical.js. `make check-calendar` runs it.

    python tests/support/check_calendar.py FOLDER

FOLDER is where npm put `ical.js` (`node_modules` in it) and a venv with `ics` (`venv` in it); the files are
written there too. Ends with code 1 when a program cannot read a file or sees another event than the others.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from icalendar import Calendar

from campaigns import Brand
from runup.web.calendar_file import Entry, calendar_file
from scheduler import Line
from subscribers import Interview, Subscriber

BRAND = Brand(name="runup", site_url="https://runup.example.com")
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ZONES = ("Europe/Berlin", "America/St_Johns", "Pacific/Kiritimati", "Asia/Kathmandu", "UTC")
ICS_PY = """
import json, sys
from ics import Calendar
for file in sys.argv[1:]:
    found = Calendar(open(file, encoding="utf-8", newline="").read())
    def moment(value, whole): return value.date().isoformat() if whole else value.to("utc").format("YYYY-MM-DDTHH:mm:ss") + "Z"
    def number(event): return next((line.value for line in event.extra if line.name == "SEQUENCE"), "")
    print(json.dumps(sorted([e.uid, e.name, moment(e.begin, e.all_day), e.status or "", number(e)] for e in found.events)))
"""
ICAL_JS = """
import fs from "node:fs";
import ICAL from "ical.js";
for (const file of process.argv.slice(2)) {
  const calendar = new ICAL.Component(ICAL.parse(fs.readFileSync(file, "utf8")));
  const rows = calendar.getAllSubcomponents("vevent").map((each) => {
    const event = new ICAL.Event(each);
    const start = event.startDate.isDate ? event.startDate.toString() : event.startDate.convertToZone(ICAL.Timezone.utcTimezone).toString();
    return [event.uid, event.summary, start, each.getFirstPropertyValue("status") || "", String(event.sequence)];
  });
  console.log(JSON.stringify(rows.sort()));
}
"""


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        sys.stderr.write("usage: python tests/support/check_calendar.py FOLDER\n")
        return 2
    folder = Path(arguments[0]).resolve()
    files = list(_write(folder / "files"))
    readers: dict[str, Callable[[list[Path]], list[Any]]] = {
        "icalendar": _icalendar,
        "ics.py": lambda paths: _ask([folder / "venv/bin/python", "-c", ICS_PY, *paths], folder),
        "ical.js": lambda paths: _ask([*_node(folder), *paths], folder),
    }
    seen = {name: read(files) for name, read in readers.items()}
    wrong = 0
    for index, file in enumerate(files):
        told = {name: rows[index] for name, rows in seen.items()}
        if any(rows != told["icalendar"] for rows in told.values()):
            wrong += 1
            sys.stdout.write(f"{file.name}: {json.dumps(told, indent=1)}\n")
    events = sum(map(len, seen["icalendar"]))
    sys.stdout.write(
        f"{len(files)} files, {events} events, {len(readers)} programs; {wrong} seen differently\n"
    )
    return 1 if wrong else 0


def _write(folder: Path) -> Iterator[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    for name, entries in _situations():
        file = folder / f"{name}.ics"
        file.write_bytes(calendar_file(BRAND, name, entries))
        yield file


def _situations() -> Iterator[tuple[str, list[Entry]]]:
    """One interview in each zone, and each thing that can become of one."""
    for number, zone in enumerate(ZONES, 1):
        yield f"zone-{number}", [_entry(number, zone=zone)]
    yield "no-time", [_entry(11, start_time=None)]
    yield "moved", [_entry(12, revision=2, moved_at=NOW, epoch=7)]
    yield "canceled", [replace(_entry(13, canceled_at=NOW, epoch=8), coming=())]
    yield "several", [_entry(14), _entry(15, start_time=None), _entry(16, canceled_at=NOW)]
    yield "long-words", [_entry(17, title="Grüße, “Zitate”; Komma\\Strich — " + "lange " * 30)]


def _entry(number: int, *, epoch: int = 3, title: str = "Your checklist", **facts: Any) -> Entry:
    values = {"start_time": time(14, 5), "zone": "Europe/Berlin", "mode": "video", "revision": 0} | facts
    interview = Interview(
        id=number,
        subscriber=Subscriber(id=1, epoch=epoch, home_zone="Europe/Berlin"),
        campaign="second_interview",
        held_on=date(2026, 12, 4),
        requested_at=NOW,
        confirmed_at=NOW,
        **values,
    )
    return Entry(interview, (_line(number, title),))


def _line(number: int, title: str) -> Line:
    at = datetime(2026, 12, 3, 16, 2, 41, tzinfo=ZoneInfo("Europe/Berlin"))
    return Line(
        send_id=number, interview_id=number, campaign="second_interview", step="day_before", title=title,
        kind="coming", at=at, zone="Europe/Berlin", state="planned", reason="", why="", detail="",
    )  # fmt: skip


def _icalendar(files: list[Path]) -> list[Any]:
    return [
        sorted(
            [
                str(e["UID"]),
                str(e["SUMMARY"]),
                _moment(e.DTSTART),
                str(e.get("STATUS", "")),
                str(e["SEQUENCE"]),
            ]
            for e in Calendar.from_ical(file.read_bytes()).events
        )
        for file in files
    ]


def _moment(value: date) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return value.isoformat()


def _node(folder: Path) -> list[str | Path]:
    script = folder / "read.mjs"
    script.write_text(ICAL_JS, encoding="utf-8")
    return ["node", script]


def _ask(command: list[str | Path], folder: Path) -> list[Any]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=folder)
    if done.returncode:
        raise SystemExit(f"{command[0]} could not read them:\n{done.stderr[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
