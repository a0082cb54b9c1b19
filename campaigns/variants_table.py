"""Reads `variants` and `decide` of a step, or of an issue's head, and refuses what cannot be meant."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from campaigns import toml_values as read
from campaigns.toml_table import Entry, Table
from campaigns.variants import ANY, DecideBy, Goal, Variant

VARIANT_KEYS = {"key", "share", "subject", "subjects", "template"}
DECIDE_KEYS = {"by", "outcome", "people", "days", "within", "automatic"}
ISSUE_KEYS = {"by", "within", "first"}
_OUTCOMES = ("offer", "next_round", "rejected", ANY)
_WITHIN = {Goal.CLICKS: timedelta(days=3), Goal.OUTCOMES: timedelta(days=30)}
_LONGEST = timedelta(days=60)
_NEVER = {
    "opens": "opens decide nothing: mail programs open emails that nobody reads, and hide who does read; "
             'write "clicks" or "outcomes"',
    "replies": "replies go to your own mailbox, which nobody reads for you here; write \"clicks\" or "
               '"outcomes", or count them yourself and end the trial by hand (automatic = false, and '
               "`runup campaigns decide`)",
}  # fmt: skip


def variants_of(table: Table) -> tuple[Variant, ...]:
    """None declared is none. Raises CampaignError at the first fault."""
    declared = table.data.get("variants")
    if declared is None:
        if "decide" in table.data:
            raise table.error("decide", "there are no variants to decide between")
        return ()
    if not isinstance(declared, list) or not all(isinstance(one, dict) for one in declared):
        raise table.error(
            "variants",
            'is no list of tables; write it like [{ key = "plain" }, { key = "b", subject = "…" }]',
        )
    entries = [Entry(table, "variants", index) for index in range(len(declared))]
    found = tuple(_variant(entry) for entry in entries)
    _check(table, entries, found)
    return found


def decide_by(table: Table, *, is_issue: bool = False) -> DecideBy | None:
    """The rule; None where there is nothing to decide."""
    if "variants" not in table.data:
        return None
    if "decide" not in table.data:
        enough = 'within = "4h"' if is_issue else "people = 500"
        message = f'nothing says how it is decided; add decide = {{ by = "clicks", {enough} }}'
        raise table.error("variants", message)
    rule = table.table("decide")
    rule.only(ISSUE_KEYS if is_issue else DECIDE_KEYS)
    by = rule.take("by", _goal)
    if is_issue and by is Goal.OUTCOMES:
        raise rule.error("by", 'an issue is about nobody\'s interview; write "clicks"')
    if by is not Goal.OUTCOMES and "outcome" in rule.data:
        raise rule.error("outcome", 'goes with by = "outcomes" only')
    found = DecideBy(
        by=by,
        outcome=rule.take("outcome", _outcome) if by is Goal.OUTCOMES else "",
        people=rule.take("people", _people) if "people" in rule.data else 0,
        days=rule.take("days", _days) if "days" in rule.data else 0,
        within=rule.take("within", _within, default=None if is_issue else _as_text(_WITHIN[by])),
        is_automatic=rule.take("automatic", read.flag, default=True),
        first=rule.take("first", _first) if "first" in rule.data else 100,
    )
    if not (is_issue or found.people or found.days):
        raise rule.error("people", "is missing: of how many people per variant it is decided (or `days`)")
    return found


def _variant(entry: Entry) -> Variant:
    entry.only(VARIANT_KEYS)
    key = entry.take("key", read.key)
    return Variant(
        key=key,
        weight=entry.take("share", _share, default=1),
        subject=entry.take("subject", _line, default="") if "subject" in entry.data else "",
        subjects=entry.take("subjects", _subjects, default={}),
        template=entry.take("template", read.text) if "template" in entry.data else "",
        line=entry.line_of("subject" if "subject" in entry.data else "key"),
    )


def _check(table: Table, entries: list[Entry], found: tuple[Variant, ...]) -> None:
    if len(found) < 2:
        raise table.error("variants", "one variant is no choice; declare two or more")
    keys: set[str] = set()
    said: dict[tuple[str, str], str] = {}
    for entry, one in zip(entries, found, strict=True):
        if one.key in keys:
            raise entry.error("key", "is there twice; a variant's key is its identity")
        keys.add(one.key)
        other = said.setdefault((one.subject, one.template), one.key)
        if other != one.key and not one.is_as_written:
            what = "subject" if one.subject else "template"
            raise entry.error(what, f"is that of variant {other!r}; the two are the same email")
        if one.subjects and not one.subject:
            raise entry.error("subjects", "needs `subject` too, for the campaign's own language")
    as_written = [one.key for one in found if one.is_as_written]
    if len(as_written) != 1:
        told = f"these say neither: {', '.join(as_written)}" if as_written else "each of these says one"
        raise table.error(
            "variants", f"exactly one says neither subject nor template, and is the email as it is; {told}"
        )
    _check_shares(entries, found)


def _check_shares(entries: list[Entry], found: tuple[Variant, ...]) -> None:
    written = [entry for entry in entries if "share" in entry.data]
    if written and len(written) < len(entries):
        without = next(entry for entry in entries if "share" not in entry.data)
        raise without.error("share", "is missing; write all shares, or none for equal ones")
    total = sum(one.weight for one in found)
    if written and total != 100:
        raise entries[-1].error("share", f"all shares add up to {total} percent; they must to 100")


def _goal(value: Any) -> Goal:
    if never := _NEVER.get(str(value).removesuffix("s") + "s"):
        raise ValueError(never)
    return read.one_of(Goal)(value)


def _outcome(value: Any) -> str:
    if value not in _OUTCOMES:
        raise ValueError(f"{value!r} is none of: {', '.join(_OUTCOMES)}")
    return str(value)


def _share(value: Any) -> int:
    return _number(value, 1, 99, "percent")


def _first(value: Any) -> int:
    return _number(value, 1, 99, "percent of the readers")


def _people(value: Any) -> int:
    return _number(value, 10, 10_000_000, "people per variant")


def _days(value: Any) -> int:
    return _number(value, 1, 366, "days")


def _number(value: Any, least: int, most: int, of: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{value!r} is not a whole number of {of}, from {least} to {most:,}")
    return value


def _within(value: Any) -> timedelta:
    span = read.span(value)
    if not timedelta(minutes=10) <= span <= _LONGEST:
        raise ValueError(f'{value!r} is not from "10m" to "{_LONGEST.days}d"')
    return span


def _as_text(span: timedelta) -> str:
    return f"{span.days}d"


def _line(value: Any) -> str:
    if "\n" in (found := read.text(value)):
        raise ValueError("has more than one line; a subject has one")
    return found


def _subjects(value: Any) -> dict[str, str]:
    return {code: _line(subject) for code, subject in read.titles(value).items()}
