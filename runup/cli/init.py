"""`runup init`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from runup.cli.opening import first_start
from runup.cli.terminal import say
from runup.database import Database
from runup.settings import Settings
from runup.workspace import FILE, SECRETS_FILE, create_secrets

_SETTINGS = """\
# The settings of this workspace. Every key is optional; docs/reference/settings.md explains each.
# RUNUP_<NAME> in the environment wins over this file. Secrets go to secrets.toml or the environment.

# Where people reach the site; every link in every email begins with it.
# base_url = "https://interviews.example.com"

# Who writes. Change all four before anybody outside gets an email.
# brand_name = "runup"
# postal_address = "runup, 1 Example Street, 12345 Exampletown"
# sender = "hello@runup.example.com"
# sender_name = "runup"

# How emails leave: "outbox" keeps them in the folder ./outbox, "smtp" and "sendgrid" send them.
# provider = "outbox"
# allow_list = ["example.com"]   # staging: nobody else is written to

# Campaigns of your own; the shipped ones are found beside it.
# templates = "templates"
"""
_IGNORED = f"{SECRETS_FILE}\nrunup.db*\noutbox/\n"


def init(folder: Annotated[Path, Parameter(help="Where; made if missing.")] = Path()) -> None:
    """Make a workspace: settings to edit, secrets, an empty database. What exists is left as it is.

    From anywhere below the folder, every command finds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = [
        name for name, text in ((FILE, _SETTINGS), (".gitignore", _IGNORED)) if _write(folder / name, text)
    ]
    if create_secrets(folder):
        made.append(f"{SECRETS_FILE} (keep it safe, back it up)")
    settings = Settings.load(folder)
    database = Database(settings.database_url)
    try:
        if first_start(database):
            made.append("the database")
    finally:
        database.close()
    say(f"{folder.resolve().name}: {'made ' + ', '.join(made) if made else 'everything is there already'}")
    say("Next: `runup serve` starts the site; `runup doctor` says what to set before real people sign up.")


def _write(file: Path, text: str) -> bool:
    try:
        with file.open("x", encoding="utf-8") as new:
            new.write(text)
    except FileExistsError:
        return False
    return True
