"""Where a database lives: what tells an installation from a copy of it."""

from __future__ import annotations

import hashlib
import os
import socket
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from runup.database import Database

_IDS = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
_CONTAINER_FILES = (Path("/.dockerenv"), Path("/run/.containerenv"))
_CLUSTER = text(
    "SELECT (SELECT system_identifier FROM pg_control_system())::text || '/' || "
    "(SELECT oid FROM pg_database WHERE datname = current_database())::text"
)


def place_of(database: Database, *, name: str = "") -> str:
    """What stays the same for as long as this is the same installation, and differs for a copy; "" when
    nothing can be told.

    `name`: what the operator calls it (the setting `machine`); it is taken as said. Else, on SQLite: this
    machine's own id and the file's path. On PostgreSQL: the cluster and the database in it, whatever
    machines the workers run on. In a container neither id nor name of the machine outlives it, so that only
    the operator's word helps there. Decision 0027 says why.
    """
    if name:
        return f"name {name}"
    if not database.is_sqlite:
        return _cluster(database)
    machine = "" if is_container() else _machine_id()
    return f"machine {machine} {database.file.resolve()}" if machine and database.file else ""


def sealed(place: str, *, instance: str) -> str:
    """`place` as a hash of this installation's own: a machine's id is not to be passed on."""
    return hashlib.sha256(f"{instance}/{place}".encode()).hexdigest() if place else ""


def is_container() -> bool:
    return any(file.exists() for file in _CONTAINER_FILES) or "KUBERNETES_SERVICE_HOST" in os.environ


def _machine_id() -> str:
    for file in _IDS:
        try:
            if found := file.read_text("ascii").strip():
                return found
        except (OSError, UnicodeDecodeError):
            continue
    return socket.gethostname()


def _cluster(database: Database) -> str:
    try:
        with database.engine.connect() as connection:
            return f"cluster {connection.execute(_CLUSTER).scalar_one()}"
    except DBAPIError:
        return ""  # not every hosted PostgreSQL lets us ask
