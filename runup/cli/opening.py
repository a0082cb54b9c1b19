"""From the folder somebody stands in to the rooms: settings, secrets, a database that is ready."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from runup.application import Application, Clock, system_clock
from runup.cli.errors import Failed
from runup.database import Database, current_revision, require_newest, upgrade
from runup.settings import Settings
from runup.workspace import FILE

_GO = "run `runup init` here, or go to your workspace"


@contextmanager
def opened(settings: Settings | None = None, *, clock: Clock = system_clock) -> Iterator[Application]:
    """The application of this workspace, on tables of this version; closed at the end.

    No command but those that begin something makes a database: in a wrong folder it would be an empty one.
    """
    settings = settings or Settings.load()
    if not settings.secret_keys and not (settings.home / FILE).exists():
        raise Failed(f"this is no workspace ({FILE} is missing); {_GO}")
    application = Application.open(settings, clock=clock)
    try:
        require_file(application.database)
        require_newest(application.database)
        yield application
    finally:
        application.close()


def logs_of(settings: Settings) -> None:
    """Processes that stay write down what they do, as the settings say, and never a secret."""
    from runup.logs import configure_logs  # with the libraries behind it: most commands need none

    configure_logs(form=settings.log_format, level=settings.log_level, secrets=settings.secret_values())


def require_file(database: Database) -> None:
    """Raise Failed when an SQLite file is not there: most likely this is the wrong folder."""
    if database.file is None or database.file.exists():
        return
    raise Failed(f"there is no database yet ({database.file.name} is missing); {_GO}")


def first_start(database: Database) -> bool:
    """On SQLite an empty database gets its tables at the first start. Returns whether that happened."""
    if not database.is_sqlite or current_revision(database) is not None:
        return False
    upgrade(database)
    return True
