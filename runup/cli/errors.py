"""What an operator reads when something cannot be done: one line, and what to do next."""

from __future__ import annotations

from cyclopts import CycloptsError, UnknownCommandError, UnknownOptionError

from runup.cli.terminal import complain
from runup.settings import SECRETS, Settings, SettingsError
from runup.workspace import FILE, SECRETS_FILE, nearest

BAD_INPUT, FAILURE = 2, 1


class BadInput(Exception):
    """What was asked for cannot be; nothing has changed. Exit code 2."""


class Failed(Exception):
    """It was asked for well and did not work out. Exit code 1."""


def report(error: Exception) -> int | None:
    """Print a foreseen error and return its exit code; None for what nobody foresaw."""
    if isinstance(error, CycloptsError | BadInput | SettingsError):
        complain(_words(error))
        return BAD_INPUT
    if isinstance(error, Failed | OSError):
        complain(_words(error))
        return FAILURE
    bad, failures = _of_the_rooms()
    if isinstance(error, (*bad, *failures)):
        complain(_words(error))
        return BAD_INPUT if isinstance(error, bad) else getattr(error, "exit_code", FAILURE)
    return None


def _of_the_rooms() -> tuple[tuple[type[Exception], ...], tuple[type[Exception], ...]]:
    """The rooms' own words for "no": what is wrong with the input, and what did not work out."""
    from sqlalchemy.exc import OperationalError

    from campaigns.errors import CampaignError
    from delivery.provider import DeliveryError
    from runup.database import DatabaseError
    from scheduler import AlreadyRunning
    from scheduler.issues import IssueError
    from subscribers import (
        InvalidAddress,
        InvalidInterviewDate,
        InvalidSignUp,
        InvalidTag,
        MissingDate,
        UnknownZone,
    )

    bad = (InvalidAddress, InvalidInterviewDate, InvalidSignUp, InvalidTag, MissingDate, UnknownZone)
    return bad, (DatabaseError, OperationalError, CampaignError, DeliveryError, IssueError, AlreadyRunning)


def _words(error: Exception) -> str:
    """The message without what only a developer can use."""
    if isinstance(error, UnknownOptionError) and (setting := _setting(error.token.keyword or "")):
        return setting
    if isinstance(error, UnknownCommandError) and error.unused_tokens and error.app is not None:
        # The library's own wording imports every command to name them.
        name, kind = error.unused_tokens[0], "option" if error.unused_tokens[0].startswith("-") else "command"
        path = " ".join(("runup", *(error.command_chain or ())))
        return f"there is no {kind} {name!r}{nearest(name, list(error.app)) or f'; see {path} --help'}"
    if isinstance(error, CycloptsError):
        return str(error).strip() or type(error).__name__
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    # SQLAlchemy's own message ends with the statement and its values, which may be somebody's address.
    original = getattr(error, "orig", None)
    if original is not None:
        return f"the database says: {str(original).strip().splitlines()[0]}"
    return str(error)


def _setting(option: str) -> str:
    """What to say to somebody who gives a setting as an option; never its value."""
    name = option.lstrip("-").partition("=")[0].replace("-", "_").lower()
    if name in SECRETS:
        told = "a secret on a command line is read by others"
        return f"{told}: set RUNUP_{name.upper()}, or write it into {SECRETS_FILE}"
    if name in Settings.model_fields:
        return f"{name} is a setting and no option: set RUNUP_{name.upper()}, or write it into {FILE}"
    return ""
