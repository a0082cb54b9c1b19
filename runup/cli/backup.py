"""`runup backup`."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from runup.backups import BadBackup, Manifest, check_archive, fingerprints_of, make_backup
from runup.backups.postgresql import ToolFailed
from runup.cli.errors import BadInput, Failed
from runup.cli.opening import opened
from runup.cli.terminal import print_json, progress, say
from runup.database import Database

MB = 1_000_000


def backup(file: Path, /, *, check: bool = False, json: bool = False) -> None:
    """Write all that this database knows, and the send journal, into one file; workers go on meanwhile.

    The secrets are not in it: keep secrets.toml where nobody keeps the backups.

    Parameters
    ----------
    file
        The file to write, one that is not there yet; it is compressed where its name ends with .gz.
    check
        Write nothing: read the backup FILE and see that every byte of it is as it was written.
    json
        Print JSON: made_at, version, revision, tzdata, database, subscribers, sends, keys, members, format.
    """
    manifest = _check(file) if check else _make(file)
    if json:
        print_json(asdict(manifest))
        return
    size = sum(member.size for member in manifest.members.values())
    words = f"{manifest.subscribers:,} people and {manifest.sends:,} sends, {size / MB:,.1f} MB"
    when = f"{manifest.made_at:%Y-%m-%d %H:%M}Z"
    say(f"{'As it was written' if check else 'Backed up'}: {words}, as of {when}, runup {manifest.version}.")


def _check(file: Path) -> Manifest:
    try:
        return check_archive(file)
    except BadBackup as error:
        raise Failed(str(error)) from None


def _make(file: Path) -> Manifest:
    if not file.absolute().parent.is_dir():
        raise BadInput(f"{file.parent}: there is no such folder")
    with ExitStack() as stack:
        application = stack.enter_context(opened())
        advance = stack.enter_context(progress("copying", _pages(application.database), unit="pages"))
        copied = 0

        def tell(done: int, _total: int) -> None:
            nonlocal copied
            advance(done - copied)
            copied = done

        try:
            return make_backup(
                application.database,
                file.absolute(),
                journal=application.settings.journal_folder,
                keys=fingerprints_of(application.settings),
                now=application.clock(),
                progress=tell,
            )
        except FileExistsError:
            raise BadInput(f"{file} is there already; a backup never replaces another") from None
        except ToolFailed as error:
            raise Failed(str(error)) from None


def _pages(database: Database) -> int | None:
    """How many there are to copy, for the bar; pg_dump tells nobody how far it is."""
    return database.file.stat().st_size // 4096 if database.file is not None else None
