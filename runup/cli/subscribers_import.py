"""`runup subscribers import`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, BinaryIO

from cyclopts import Parameter
from sqlalchemy.orm import Session

from runup.application import Application
from runup.cli.errors import BadInput, Failed
from runup.cli.opening import opened
from runup.cli.subscribers_import_file import check_columns, check_listing, reading, remembered
from runup.cli.terminal import complain, note, progress, say, show_facts
from runup.importing import Importing, TwoAtOnce, translated
from runup.lists_file import read_lists
from runup.workspace import nearest
from scheduler import reconcile
from subscribers.columns import ColumnMapping, InvalidMapping, renaming
from subscribers.csv_file import Table, UnreadableFile, open_table
from subscribers.import_run import fingerprint
from subscribers.refused_rows import RefusedRows
from subscribers.transfer import Change, ImportOptions
from subscribers.transfer_record import COLUMNS, Known

PLANNED_AT_ONCE = 500
"""So many people's plans are made by the import itself, to be looked at; the worker makes all others."""
_TITLES = {"rows": "Rows", "new_people": "New people", "added": "Added", "updated": "Updated",
           "unchanged": "Unchanged", "left_out": "Left out (not to be written to)", "refused": "Refused",
           "to_confirm": "Asked to confirm"}  # fmt: skip
_Many = Annotated[list[str] | None, Parameter(consume_multiple=False)]


def import_(
    file: Path,
    /,
    *,
    campaign: str = "",
    confirmed: bool = False,
    dry_run: bool = False,
    encoding: str = "",
    map: _Many = None,
    set: _Many = None,
    ignore: _Many = None,
    mapping: Path | None = None,
    errors: Path | None = None,
    json: bool = False,
) -> int:
    """Bring in many people from a CSV file. After a fault run it again: it goes on where it stopped.

    Without --confirmed everybody gets an email to confirm. Rows that are refused go to a file with what is
    wrong and what to do; the others are imported. Exit code 1 when a row was refused.

    Parameters
    ----------
    file
        A CSV file whose first line names its columns; `-` reads standard input.
    campaign
        The sequence for rows that name none; the one of the settings if left out.
    confirmed
        They agreed already: every row says when (consent_at) and where that is recorded (consent_proof).
    dry_run
        Check every row and say what would happen; no person is added or changed.
    encoding
        UTF-8 if left out, or what the file's own mark says. Others: latin-1, cp1252, utf-16.
    map
        How the file calls one of our columns, like email=E-Mail; may be repeated, and is remembered.
    set
        A value for every row that has none, like home_zone=Europe/Berlin or list=newsletter; may be
        repeated, and is remembered.
    ignore
        A column to leave alone; may be repeated, and is remembered.
    mapping
        Where --map, --set and --ignore are remembered; FILE-mapping.toml in the current folder if left out.
    errors
        Where refused rows are listed; FILE-errors.csv in the current folder if left out.
    json
        Print JSON: rows, new_people, added, updated, unchanged, left_out, left_out_because, refused,
        refused_in, to_confirm, went_on_after, errors_file.
    """
    stem = "import" if str(file) == "-" else file.stem
    listing = errors or Path(f"{stem}-errors.csv")
    check_listing(listing, file)
    try:
        said = remembered(mapping, Path(f"{stem}-mapping.toml"), map or (), ignore or (), set or ())
    except InvalidMapping as error:
        raise BadInput(str(error)) from None
    with opened() as application, reading(file) as (source, size):
        options = _options(application, campaign, file, is_confirmed=confirmed, is_dry_run=dry_run)
        # A pipe cannot be read twice, and of a dry run nothing is kept: neither can go on later.
        is_kept = size is not None and not dry_run
        mark = fingerprint(source, options.known, confirmed, encoding, said) if is_kept else ""
        try:
            if is_kept:
                source.seek(0)
            table = open_table(source, encoding=encoding)
            names = renaming(said, table.columns, known=COLUMNS)
            check_columns({*names.values(), *said.always})
        except UnreadableFile as error:
            raise BadInput(f"{file}: {error}") from None
        work = Importing(database=application.database, options=options, fingerprint=mark)
        went_on_after = _import(
            application, work, table, names, said, listing=listing, source=source, size=size
        )
    facts = _facts(work, listing, went_on_after)
    show_facts(facts, _TITLES, as_json=json)
    if not json:
        _say_what_next(work, listing)
    return 1 if work.counts[Change.REFUSED] else 0


def _import(
    application: Application,
    work: Importing,
    table: Table,
    names: dict[str, str],
    said: ColumnMapping,
    *,
    listing: Path,
    source: BinaryIO,
    size: int | None,
) -> int:
    """Returns the row after which it went on, 0 for an import from the start."""
    now = application.clock()
    work.begin(now=now)
    after = work.rows
    if work.began_at:
        note(f"Going on after row {after} of the import begun at {work.began_at:%Y-%m-%d %H:%M}Z")
    lines = translated(table.lines, names, dict(said.always))
    planner = _Planner(application)
    try:
        with (
            RefusedRows(listing, table.titles, size=work.errors_size) as refused,
            progress("Importing", size, unit="bytes") as advance,
        ):
            read = 0
            for _ in work.go(lines, refused, now=now, changed=planner):
                if size is not None and (here := source.tell()) != read:
                    advance(here - read)
                    read = here
    except TwoAtOnce as error:
        raise Failed(str(error)) from None
    except KeyboardInterrupt:
        complain(f"stopped after row {work.rows}; the same command goes on from there")
        raise
    return after


class _Planner:
    """Plans the first few at once, so that an operator can look at them; the worker plans whoever is left."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._left = PLANNED_AT_ONCE

    def __call__(self, session: Session, person: int) -> None:
        if self._left > 0:
            self._left -= 1
            application = self._application
            reconcile(session, person, catalog=application.catalog, now=application.clock())


def _options(
    application: Application, campaign: str, file: Path, *, is_confirmed: bool, is_dry_run: bool
) -> ImportOptions:
    key = campaign or application.settings.campaign
    keys = tuple(application.catalog.keys())
    if key not in keys:
        raise BadInput(f"--campaign: there is no campaign {key!r}{nearest(key, keys)}")
    lists = tuple(each.key for each in read_lists(application.settings.home))
    return ImportOptions(
        known=Known(campaign=key, campaigns=keys, lists=lists),
        source=f"import: {file.name}",
        hmac_key=application.hmac_key,
        is_confirmed=is_confirmed,
        is_dry_run=is_dry_run,
    )


def _facts(work: Importing, listing: Path, went_on_after: int) -> dict[str, Any]:
    facts: dict[str, Any] = {"rows": work.rows}
    facts |= {name: work.counts[name] for name in ("new_people", *Change, "to_confirm")}
    facts["left_out_because"], facts["refused_in"] = work.part("left_out"), work.part("refused")
    facts["went_on_after"] = went_on_after or None
    facts["errors_file"] = str(listing) if work.counts[Change.REFUSED] else None
    return facts


def _say_what_next(work: Importing, listing: Path) -> None:
    for kind, words in (("left_out", "Left out"), ("refused", "Refused")):
        if parts := work.part(kind):
            say(f"{words}: {', '.join(f'{count} {name}' for name, count in parts.items())}.")
    if work.counts[Change.REFUSED]:
        say(
            f"{listing} holds the refused rows with what is wrong; put them right there and import that file."
        )
    if work.options.is_dry_run:
        say("This was a dry run: nothing has been kept.")
    elif work.counts["to_confirm"]:
        say("Everybody added gets an email to confirm; nothing else leaves until they do.")
