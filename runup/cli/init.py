"""`runup init`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from campaigns import Catalog
from campaigns.scaffolding import patterns, scaffold
from runup.cli.opening import first_start
from runup.cli.terminal import say
from runup.database import Database
from runup.settings import Settings
from runup.workspace import FILE, SECRETS_FILE, create_secrets

Wanted = Annotated[bool, Parameter(negative="--no-campaign")]
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

# The campaigns you edit. One that is not there is the shipped one.
{templates}templates = "templates"
"""
_IGNORED = f"{SECRETS_FILE}\nrunup.db*\noutbox/\njournal/\n"
_CAMPAIGN = "second_interview"
_OWN = (
    "| `templates/second_interview/` | the emails: a folder for each; `sequence.toml` says when they leave |"
)
_SHIPPED = "| `templates/` | campaigns of your own, once `runup campaigns new` has made one |"
_README = """\
# A runup workspace

| file | what it is |
|---|---|
| `runup.toml` | settings; `runup settings show` tells every one and where it comes from |
| `secrets.toml` | keys and passwords: keep it safe, back it up, leave it out of git |
{campaign}
| `runup.db`, `journal/` | everything the program knows; `runup backup` copies it |

The first five commands, from this folder or any below it:

```sh
runup doctor             # what to set before real people sign up, with a remedy each
runup preview            # every email in every branch, in a browser
runup campaigns check    # after an edit: what is wrong, with file and line
runup campaigns plan     # what the edit would change for people in flight; `apply` makes it count
runup serve              # the site and the worker; emails are files in outbox/ until a provider is set
```

`runup --help` lists the others, `runup COMMAND --help` explains each.
"""


def init(
    folder: Annotated[Path, Parameter(help="Where; made if missing.")] = Path(), *, campaign: Wanted = True
) -> None:
    """Make a workspace: settings, secrets, the campaign to edit, an empty database. What exists stays.

    From anywhere below the folder, every command finds it.

    Parameters
    ----------
    campaign
        With --no-campaign no copy of the second-interview campaign is made: the shipped one is used, and what
        an upgrade corrects in it reaches you.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        FILE: _SETTINGS.format(templates="" if campaign else "# "),
        ".gitignore": _IGNORED,
        "README.md": _README.format(campaign=_OWN if campaign else _SHIPPED),
    }
    made = [name for name, text in files.items() if _write(folder / name, text)]
    # Only with its settings: whoever has a workspace already has decided where their words come from.
    if campaign and FILE in made and _copy(folder / "templates" / _CAMPAIGN):
        made.append(f"templates/{_CAMPAIGN}")
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


def _copy(target: Path) -> bool:
    if target.exists():
        return False
    catalog = Catalog()
    scaffold(patterns(catalog)[_CAMPAIGN], target, name=catalog.sequence(_CAMPAIGN).name)
    return True


def _write(file: Path, text: str) -> bool:
    try:
        with file.open("x", encoding="utf-8") as new:
            new.write(text)
    except FileExistsError:
        return False
    return True
