"""Reads templates/<sequence>/sequence.toml and refuses what cannot be meant, by line, step and field."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from importlib.resources.abc import Traversable
from pathlib import Path

from campaigns import toml_values as read
from campaigns.errors import CampaignError
from campaigns.languages import OWN
from campaigns.sequence import (
    Anchor,
    Apart,
    CalendarRule,
    Day,
    ElapsedRule,
    Late,
    OncePer,
    OnUnknown,
    Rule,
    Sequence,
    Step,
)
from campaigns.source_files import CampaignFiles
from campaigns.timetable_check import check_together
from campaigns.toml_table import Source, Table
from campaigns.variants_table import decide_by, variants_of

_MISSING = "there is no such file; a campaign needs its timetable"
SEQUENCE_KEYS = {"name", "language", "window", "gap", "jitter", "step"}
_CALENDAR_KEYS = {"day", "time", "from", "after_step", "business_days"}
_ELAPSED_KEYS = {"after", "delay"}
STEP_KEYS = _CALENDAR_KEYS | _ELAPSED_KEYS | {
    "key", "title", "titles", "expires", "late", "once_per", "when", "until", "window", "exempt", "weekdays",
    "notice", "apart", "catchup", "despite_unsubscribe", "otherwise", "on_unknown", "variants", "decide",
}  # fmt: skip


def load_sequence(folder: Traversable | Path) -> Sequence:
    """The sequence of a campaign's folder, checked as a whole. Raises CampaignError at the first fault."""
    file = folder / "sequence.toml"
    if not file.is_file():
        raise CampaignError(f"{folder.name}/sequence.toml", 0, _MISSING)
    raw = file.read_bytes()
    try:
        return parse_sequence(folder.name, raw.decode())
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        message = "this is not UTF-8; save the file as UTF-8 in your editor"
        raise CampaignError(f"{folder.name}/sequence.toml", line, message) from None


def sequence_of(files: CampaignFiles) -> Sequence:
    """The sequence of files that have been read already, with their version. Raises CampaignError."""
    text = files.texts.get("sequence.toml")
    if text is None:
        raise CampaignError(f"{files.name}/sequence.toml", 0, _MISSING)
    return replace(parse_sequence(files.name, text), version=files.version)


def parse_sequence(key: str, text: str) -> Sequence:
    """The sequence written in `text`. `key` names it, as its folder does."""
    source = Source(f"{key}/sequence.toml", text)
    data = source.parse()
    top = Table(source, data, "", -1)
    top.only(SEQUENCE_KEYS)
    sequence = Sequence(
        key=key,
        name=top.take("name", read.text),
        language=top.take("language", read.language, default=OWN),
        window=top.take("window", read.window),
        gap=top.take("gap", read.span, default="18h"),
        jitter=top.take("jitter", read.span, default="0m"),
        steps=tuple(
            _step(Table(source, table, f"step {table.get('key', index + 1)!r}", index))
            for index, table in enumerate(top.take("step", read.tables))
        ),
    )
    check_together(source, sequence)
    return sequence


def _step(table: Table) -> Step:
    table.only(STEP_KEYS)
    key = table.take("key", read.key)
    is_catchup = table.take("catchup", read.flag, default=False)
    if is_catchup and (timed := sorted(table.data.keys() & (_CALENDAR_KEYS | _ELAPSED_KEYS))):
        raise table.error(
            timed[0], "a catch-up leaves when something was missed; it has no moment of its own"
        )
    rule = ElapsedRule(after=Anchor.CONFIRMED, delay=timedelta()) if is_catchup else _rule(table)
    return Step(
        key=key,
        title=table.take("title", read.text),
        titles=table.take("titles", read.titles, default={}),
        rule=rule,
        otherwise=_nested_rule(table.table("otherwise")) if "otherwise" in table.data else None,
        expires=_expires(table),
        late=table.take("late", read.one_of(Late), default="send" if is_catchup else None),
        once_per=table.take("once_per", read.one_of(OncePer), default="date" if is_catchup else None),
        when=table.take("when", read.condition) if "when" in table.data else None,
        until_outcome=table.take("until", read.until, default=False),
        window=table.take("window", read.window) if "window" in table.data else None,
        exempt=table.take("exempt", read.exempt, default=[]),
        weekdays=table.take("weekdays", read.flag, default=False),
        is_notice=table.take("notice", read.flag, default=False),
        apart=_apart(table.table("apart")) if "apart" in table.data else None,
        is_catchup=is_catchup,
        on_unknown=table.take("on_unknown", read.one_of(OnUnknown), default="drop"),
        despite_unsubscribe=table.take("despite_unsubscribe", read.flag, default=False),
        variants=variants_of(table),
        decide=decide_by(table),
    )


def _rule(table: Table) -> Rule:
    if "after" in table.data:
        if mixed := sorted(table.data.keys() & _CALENDAR_KEYS):
            raise table.error(
                mixed[0], "does not go with after; write either day and time or after and delay"
            )
        return ElapsedRule(
            after=table.take("after", read.one_of(Anchor)), delay=table.take("delay", read.duration)
        )
    if "day" not in table.data:
        raise table.error("day", "is missing; write day and time, or after and delay")
    if "delay" in table.data:
        raise table.error("delay", "does not go with day; write either day and time or after and delay")
    if "from" in table.data and "after_step" in table.data:
        raise table.error("from", "does not go with after_step; the days count from one of them")
    return CalendarRule(
        day=table.take("day", read.whole),
        time=table.take("time", read.wall_time),
        counted_from=table.take("from", read.one_of(Day), default="interview"),
        after_step=table.take("after_step", read.key, default="") if "after_step" in table.data else "",
        business_days=table.take("business_days", read.count, default=0),
    )


def _nested_rule(table: Table) -> Rule:
    table.only(_CALENDAR_KEYS | _ELAPSED_KEYS)
    return _rule(table)


def _expires(table: Table) -> tuple[Rule, ...]:
    ends = table.data.get("expires")
    if not isinstance(ends, list):
        return (_nested_rule(table.table("expires")),)
    if not ends:
        raise table.error(
            "expires", 'is empty; every email has an end, such as { after = "due", delay = "2d" }'
        )
    return tuple(_nested_rule(table.table("expires", index)) for index in range(len(ends)))


def _apart(table: Table) -> Apart:
    table.only({"from", "by"})
    return Apart(steps=table.take("from", read.names), by=table.take("by", read.duration))
