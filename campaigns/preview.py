"""Sample readers: a small, chosen set in which every two answers meet at least once.

Used by `check` to render every branch of every email, and by whoever wants to look at them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import combinations
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from campaigns.compiling import CompiledCampaign
from campaigns.confined import report
from campaigns.context import Appointment, Brand, Context, LinkSet, PlanEntry, Reader
from campaigns.rendering import Renderer, RenderError
from campaigns.variants import step_of

SAMPLE_BRAND = Brand(
    name="Runup & Friends",
    postal_address="1 Sample Street, 10115 Berlin",
    site_url="https://runup.example.com",
    logo_url="https://runup.example.com/logo.png",
)
SAMPLE_LINKS = LinkSet(
    **{
        name: f"https://runup.example.com/{name}?for=sample&id=1"
        for name in (
            *("confirm", "plan", "move", "cancel", "outcome", "decision"),
            *("calendar", "next_round", "newsletter", "unsubscribe"),
        )
    }
)
_DAY = date(2026, 12, 4)
_ZONES = {
    "one zone": ("Europe/Berlin", "Europe/Berlin"),
    "two zones": ("America/New_York", "Europe/Berlin"),
    "two dates": ("America/Los_Angeles", "Pacific/Kiritimati"),  # where the interview is, where the reader is
}
_COMPANY = {
    "company and role": ("Müller & Söhne", "UX lead"),
    "no company": ("", ""),
    "role only": ("", "engineer"),
}
_AXES: dict[str, tuple[Any, ...]] = {
    "mode": ("onsite", "video", "phone", "unknown"),
    "interviewers": ("new", "same", "unknown"),
    "format": ("panel", "one_to_one", "case", "presentation", "group", "unknown"),
    "start": ("14:00", "time unknown", "08:30"),
    "zones": tuple(_ZONES),
    "name": ("Ana", "no name", "Zoë <O'Brien> & Co"),
    "company": tuple(_COMPANY),
    "country": ("pay rule", "no country", "no pay rule"),
    "days_left": (4, 1, 0, -1, 9),
    "outcome": ("", "offer", "rejected", "next_round"),
    "decision": ("decision day known", "decision day unknown"),
    "plan": ("plan", "nothing to come", "one to come"),
    "newsletter": ("no newsletter", "newsletter"),
}
_CATCHUP_AXES: dict[str, tuple[Any, ...]] = {
    "merged": ("all", "none", "first", "last", "two"),
    "rush": ("", "rush"),
}
_NAMED = ("mode", "interviewers", "format", "merged", "outcome")


@dataclass(frozen=True)
class Branch:
    """A sample reader. `name` tells what is special about them."""

    name: str
    context: Context


def sample_contexts(
    *,
    facts: Mapping[str, Any] | None = None,
    brand: Brand = SAMPLE_BRAND,
    mergeable: Sequence[str] = (),
    locale: str = "en",
) -> list[Branch]:
    """The first has told everything, the second nothing; the rest cover every pair of answers.

    `mergeable` are the steps that a catch-up may stand for; leave it empty for every other step.
    """
    countries = _countries(facts or {})
    rows = covering_rows(tuple((_AXES | (_CATCHUP_AXES if mergeable else {})).items()))
    return [
        Branch(_name(row, rows), replace(_context(row, countries, brand, mergeable), locale=locale))
        for row in rows
    ]


def further_contexts(
    count: int, *, facts: Mapping[str, Any], brand: Brand, mergeable: Sequence[str] = ()
) -> Iterator[Context]:
    """Readers with answers by chance, the same on every run; every second one writes to a brand without
    logo and site. For what only three or more answers together bring about."""
    chance = Random(_DAY.toordinal())  # noqa: S311 - nobody has to guess these
    axes, countries = _AXES | (_CATCHUP_AXES if mergeable else {}), _countries(facts)
    bare = Brand(name=brand.name, postal_address=brand.postal_address, color=brand.color)
    for number in range(count):
        row = {name: chance.choice(values) for name, values in axes.items()}
        yield _context(row, countries, bare if number % 2 else brand, mergeable)


def try_out(compiled: CompiledCampaign, brand: Brand) -> None:
    """Renders each step for two readers, to find what never ends or is forbidden; the rest is for `check`."""
    renderer = Renderer(compiled)
    steps = tuple(dict.fromkeys(map(step_of, compiled.sources)))
    for step in compiled.sources:
        report(f"{compiled.name}/{step}")
        for branch in sample_contexts(facts=compiled.facts, brand=brand, mergeable=steps)[:2]:
            try:
                renderer.render(step, branch.context)
            except RenderError as error:
                if error.is_forbidden:
                    raise


@lru_cache(maxsize=4)
def covering_rows(axes: tuple[tuple[str, tuple[Any, ...]], ...]) -> list[dict[str, Any]]:
    """Rows in which every two values of different axes meet; greedy, and the same on every run."""
    first = {name: values[0] for name, values in axes}
    nothing = {name: _least(values) for name, values in axes}
    rows = [first, nothing]
    missing = {
        frozenset([(a, x), (b, y)]) for (a, xs), (b, ys) in combinations(axes, 2) for x in xs for y in ys
    }
    for row in rows:
        missing -= _pairs(row)
    while missing:
        row = _best_row(axes, missing)
        missing -= _pairs(row)
        rows.append(row)
    return rows


def _best_row(axes: Iterable[tuple[str, tuple[Any, ...]]], missing: set[frozenset[Any]]) -> dict[str, Any]:
    """Starts from a missing pair, then gives each axis the value that meets the most missing pairs."""
    row = dict(min(missing, key=lambda pair: sorted(map(repr, pair))))
    for name, values in axes:
        if name not in row:
            scores = [
                sum(frozenset([(name, value), other]) in missing for other in row.items()) for value in values
            ]
            row[name] = values[scores.index(max(scores))]
    return row


def _pairs(row: Mapping[str, Any]) -> set[frozenset[Any]]:
    return {frozenset(pair) for pair in combinations(row.items(), 2)}


def _least(values: tuple[Any, ...]) -> Any:
    said_nothing = ("unknown", "no ", "none", "nothing")
    return next(
        (value for value in values if str(value).startswith(said_nothing) or "unknown" in str(value)),
        values[0],
    )


def _name(row: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """What differs from the first row, which is the usual reader."""
    if row is rows[0]:
        return "everything told"
    if row is rows[1]:
        return "nothing told"
    return ", ".join(_say(axis, value) for axis, value in row.items() if value != rows[0][axis])


def _say(axis: str, value: Any) -> str:
    if axis == "days_left":
        return "over" if value < 0 else {0: "today", 1: "tomorrow"}.get(value, f"in {value} days")
    return f"{axis} {value or 'unknown'}" if axis in _NAMED else value or f"no {axis}"


def _context(
    row: Mapping[str, Any], countries: Mapping[str, str], brand: Brand, mergeable: Sequence[str]
) -> Context:
    home = _ZONES[row["zones"]][1]
    first_name = "" if row["name"] == "no name" else row["name"]
    return Context(
        subscriber=Reader(
            first_name=first_name,
            home_zone=home,
            has_newsletter=row["newsletter"] == "newsletter",
            wants_goodbye=row["plan"] == "nothing to come",  # as for whoever has left
        ),
        interview=_appointment(row, countries),
        links=SAMPLE_LINKS,
        brand=brand,
        plan=_plan(row["plan"], home),
        merged=_merged(row.get("merged", "none"), tuple(mergeable)),
        is_rush=row.get("rush") == "rush",
    )


def _appointment(row: Mapping[str, Any], countries: Mapping[str, str]) -> Appointment:
    zone, home = _ZONES[row["zones"]]
    start = None if row["start"] == "time unknown" else time.fromisoformat(row["start"])
    starts_at = datetime.combine(_DAY, start, ZoneInfo(zone)) if start else None
    home_starts_at = starts_at.astimezone(ZoneInfo(home)) if starts_at else None
    company, role = _COMPANY[row["company"]]
    return Appointment(
        day=_DAY,
        start_time=start,
        zone=zone,
        starts_at=starts_at,
        home_starts_at=home_starts_at,
        has_two_zones=bool(starts_at and zone != home),
        mode=row["mode"],
        interviewers=row["interviewers"],
        format=row["format"],
        company=company,
        role=role,
        country=countries[row["country"]],
        decision_on=_DAY + timedelta(days=5) if row["decision"] == "decision day known" else None,
        outcome=row["outcome"],
        days_left=row["days_left"],
        is_past=row["days_left"] < 0,
    )


def _countries(facts: Mapping[str, Any]) -> dict[str, str]:
    """A country that some table of facts knows, and one that none does."""
    known = [key for table in facts.values() if isinstance(table, Mapping) for key in table]
    with_rule = next((key for key in known if len(key) == 2 and key.isupper()), "DE")
    return {"pay rule": with_rule, "no country": "", "no pay rule": "AQ"}


def _plan(which: str, home: str) -> tuple[PlanEntry, ...]:
    entries = (
        PlanEntry(
            key="questions",
            title="Your questions, ready to go",
            at=datetime(2026, 12, 2, 9, 3, tzinfo=ZoneInfo(home)),
        ),
        PlanEntry(
            key="morning",
            title="Good luck: five lines",
            at=datetime(2026, 12, 4, 7, 3, tzinfo=ZoneInfo(home)),
        ),
    )
    return entries[: {"plan": 2, "one to come": 1}.get(which, 0)]


def _merged(which: str, steps: tuple[str, ...]) -> tuple[str, ...]:
    return {"all": steps, "first": steps[:1], "last": steps[-1:], "two": steps[:2]}.get(which, ())
