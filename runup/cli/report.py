"""`runup report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from runup.application import Application
from runup.cli.errors import BadInput
from runup.cli.opening import opened
from runup.cli.people import read_day
from runup.cli.report_words import tell
from runup.cli.terminal import note, print_json
from runup.reports import Period, Report
from runup.reports import report as count
from runup.reports.plain import plain
from runup.reports.wording import span_of
from runup.workspace import nearest


def report(
    campaign: Annotated[
        str, Parameter(name="CAMPAIGN", help="A campaign or a newsletter, by its key; all if left out.")
    ] = "",
    /,
    *,
    since: str = "",
    until: str = "",
    html: Path | None = None,
    json: bool = False,
) -> None:
    """What came of the emails: how many left and how late, what became of them, and what people did.

    Parameters
    ----------
    since
        The first day that counts, in UTC; from the beginning if left out.
    until
        The last day that counts; until now if left out.
    html
        Write it as one page to this file instead: charts and tables, to be opened, printed or sent.
    json
        Print JSON: at, campaign, since, until, later, total, people, steps,
        variants, span, over_time.
    """
    with opened() as application:
        found = counted(application, campaign, since, until)
        if html:
            _write(found, html, application)
    if json:
        print_json(plain(found))
    elif not html:
        tell(found)


def _write(found: Report, file: Path, application: Application) -> None:
    """Whole or not at all: nobody opens half a page."""
    from runup.web.pages import Pages
    from runup.web.report_page import page

    beside = file.with_name(f".{file.name}.part")
    try:
        beside.write_text(page(found, Pages(application.brand)), "utf-8")
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)
    note(f"{file}: {found.total.fate.planned:,} emails, {span_of(found.period)}")


def counted(application: Application, campaign: str, since: str, until: str) -> Report:
    now = application.clock()
    first = read_day(since, "--since") if since else None
    last = read_day(until, "--until") if until else None
    try:
        period = Period.of_days(first, last, now=now)
    except ValueError as error:
        raise BadInput(f"--since, --until: {error}") from None
    with application.database.read() as session:
        found = count(session, period=period, catalog=application.catalog, campaign=campaign, now=now)
    known = application.catalog.keys()
    if campaign and not found.lines and not found.moments and campaign not in known:
        raise BadInput(f"nothing was ever sent for {campaign!r}{nearest(campaign, known)}")
    return found
