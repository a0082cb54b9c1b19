"""`runup restore`."""

from __future__ import annotations

from pathlib import Path

from runup.application import system_clock
from runup.backups import BadBackup, Manifest, Refused, fingerprints_of, refuse
from runup.backups import restore as put_back
from runup.backups.postgresql import ToolFailed
from runup.cli.errors import BadInput, Failed
from runup.cli.terminal import agreed, say
from runup.database import Database
from runup.settings import Settings


def restore(file: Path, /, *, yes: bool = False) -> None:
    """Put a backup in the place of the database. Afterwards nothing is sent until you have looked.

    End every `runup serve` and `runup work` first. The send journal here stays and is told to the restored
    database, so that what left after the backup is not sent again.

    Parameters
    ----------
    file
        A file that `runup backup` wrote.
    yes
        Do not ask.
    """
    settings = Settings.load()
    database = Database(settings.database_url)
    try:
        keys = fingerprints_of(settings)
        manifest = refuse(file, database, keys=keys)
        if not agreed(_question(manifest), yes=yes):
            raise BadInput("nothing has changed; say --yes to restore without being asked")
        done = put_back(file, database, journal=settings.journal_folder, now=system_clock())
    except BadBackup as error:
        raise Failed(str(error)) from None
    except Refused as error:
        raise BadInput(str(error)) from None
    except ToolFailed as error:
        raise Failed(f"{error}; nothing has changed") from None
    finally:
        database.close()
    say(f"Restored: {manifest.subscribers:,} people and {manifest.sends:,} sends of {_when(manifest)}.")
    if done.replayed:
        say(f"The send journal knew of {done.replayed:,} more that have left; they do not leave again.")
    if done.kept is not None:
        say(f"The database of before is kept as {done.kept.name}; delete it when you have looked.")
    if not set(keys.links) & set(manifest.keys.links):
        say("The keys that sign links are others than then: links in emails sent before are dead.")
    say("Nothing is sent until `runup sends release`; with --dry-run it shows what would leave.")


def _question(manifest: Manifest) -> str:
    return (
        f"Replace all that is in the database here by {manifest.subscribers:,} people and {manifest.sends:,} "
        f"sends of {_when(manifest)}? What was entered since is gone then."
    )


def _when(manifest: Manifest) -> str:
    return f"{manifest.made_at:%Y-%m-%d %H:%M}Z"
