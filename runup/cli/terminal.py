"""How a command speaks: tables for people, JSON for programs, plain lines when nobody is looking."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from textwrap import wrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

Row = Mapping[str, Any]
Advance = Callable[[int], None]

_MAY_WRAP = frozenset(
    (
        "title",
        "name",
        "what",
        "why",
        "who",
        "value",
        "when",
        "reason",
        "address",
        "email",
        "first_name",
        "error",
        "detail",
        "subject",
        "moment",
        "due",
        "events",
        "receiver",
    )
)
_AFTER_ASCII = re.compile("[\x7f-\x9f]")


def clean(text: object) -> str:
    """Stored text as a terminal may show it: an escape sequence in a name must not move the cursor."""
    return "".join(c if c.isprintable() else " " if c in "\t\xa0" else "\ufffd" for c in str(text))


def console(*, error: bool = False) -> Console:
    """Standard output (or error) with no markup: a name like `[bold]` is a name."""
    from rich.console import Console

    return Console(stderr=error, markup=False, emoji=False, highlight=False, soft_wrap=True)


def say(*lines: str) -> None:
    """Lines for people on standard output; on a terminal they break between words."""
    for line in lines:
        console().print("\n".join(_broken(clean(line))))


def _broken(line: str) -> list[str]:
    width = console().width
    if len(line) <= width or not sys.stdout.isatty():
        return [line]
    indent = " " * (len(line) - len(line.lstrip()))
    # What somebody may want to copy, a path or an address, stays whole.
    return wrap(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def note(line: str) -> None:
    """A remark beside the result, on standard error so that a pipe stays clean; only where somebody reads."""
    if sys.stderr.isatty():
        console(error=True).print(clean(line), style="dim")


def complain(message: str) -> None:
    """An error: each line of it is one thing to put right."""
    from rich.text import Text

    for line in message.splitlines():
        console(error=True).print(
            Text("error: ", style="bold red") + Text(clean(line), style="not bold default")
        )


def show(rows: Sequence[Row], columns: Mapping[str, str], *, as_json: bool, empty: str) -> None:
    """A listing. `columns` maps the keys that people see to their titles; programs get every key.

    Piped, it is one line per row with tabs between the columns, titled by the first line and not shortened.
    """
    if as_json:
        print_json(rows)
    elif not sys.stdout.isatty():
        _print_tabs(rows, columns)
    elif not rows:
        say(empty)
    else:
        _print_table(rows, columns)


def show_facts(facts: Row, titles: Mapping[str, str], *, as_json: bool) -> None:
    """One thing: a line per fact, titled; programs get every key."""
    if as_json:
        print_json(facts)
        return
    show_pairs([(title, cell(facts[key])) for key, title in titles.items()])


def show_pairs(pairs: Sequence[tuple[str, str]]) -> None:
    """Lines of a title and its words; on a terminal long words go on below themselves."""
    width = max(len(title) for title, _ in pairs)
    room = console().width - width - 2
    for title, words in pairs:
        lines = wrap(clean(words), room) if sys.stdout.isatty() and room > 20 else [clean(words)]
        for number, line in enumerate(lines or [""]):
            say(f"{'' if number else title:<{width}}  {line}")


def print_json(value: object) -> None:
    """One JSON document; no control character leaves unescaped."""
    text = json.dumps(value, ensure_ascii=False, indent=2, default=_plain)
    sys.stdout.write(_AFTER_ASCII.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n")


def cell(value: object) -> str:
    """A value in a table: nothing is a dash, a moment is in UTC to the minute."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}Z"
    if isinstance(value, list | tuple):
        return clean(", ".join(map(str, value))) or "-"
    return clean(value)


@contextmanager
def progress(title: str, total: int | None, *, unit: str = "") -> Iterator[Advance]:
    """A bar with an ETA on standard error while somebody watches; nothing otherwise."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn(unit),
        TimeRemainingColumn(), console=console(error=True), transient=True, disable=not sys.stderr.isatty(),
    )  # fmt: skip
    with bar:
        task = bar.add_task(clean(title), total=total)
        yield lambda count: bar.update(task, advance=count)


def agreed(question: str, *, yes: bool) -> bool:
    """Ask before something is destroyed. Without a terminal nobody can answer: `--yes` is needed then."""
    if yes:
        return True
    if not sys.stdin.isatty():
        return False
    return input(f"{clean(question)} [y/N] ").strip().lower() in ("y", "yes")


def _print_table(rows: Iterable[Row], columns: Mapping[str, str]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold", show_edge=False)
    for key, title in columns.items():
        # Moments, keys and numbers stay whole; words give way where the terminal is narrow.
        table.add_column(Text(title), overflow="fold", no_wrap=key not in _MAY_WRAP)
    for row in rows:
        table.add_row(*(Text(cell(row[key])) for key in columns))
    console().print(table, soft_wrap=False)


def _print_tabs(rows: Iterable[Row], columns: Mapping[str, str]) -> None:
    sys.stdout.write("\t".join(columns.values()) + "\n")
    for row in rows:
        sys.stdout.write("\t".join(cell(row[key]) for key in columns) + "\n")


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
