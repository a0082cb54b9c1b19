"""Somebody else's clock, for when ours is not to be believed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from delivery.provider import Provider
from runup.database import Database

# A server on this very machine reads the clock that we doubt.
_NOW = text(
    "SELECT clock_timestamp(), coalesce(inet_server_addr() = inet_client_addr(), true) "
    "OR inet_server_addr() <<= '127.0.0.0/8'"
)


@dataclass(frozen=True)
class ServerTime:
    """What time it is by the clock of `whose`, in words. `is_database`: all workers are measured by it."""

    now: datetime
    whose: str
    is_database: bool = False


Witness = Callable[[], ServerTime | None]


def witness_of(database: Database, provider: Provider | None) -> Witness:
    """Asks the server of the database, else that of the provider; None when neither can tell.

    It asks when called, which may take a few seconds, and raises nothing.
    """

    def ask() -> ServerTime | None:
        return _of_database(database) or _of_provider(provider)

    return ask


def _of_database(database: Database) -> ServerTime | None:
    if database.is_sqlite:
        return None
    try:
        with database.engine.connect() as connection:
            now, is_ours = connection.execute(_NOW).one()
    except DBAPIError:
        return None
    return None if is_ours else ServerTime(now, "the database's server", is_database=True)


def _of_provider(provider: Provider | None) -> ServerTime | None:
    ask = getattr(provider, "server_time", None)
    now = ask() if ask else None
    return ServerTime(now, f"{provider.name}'s server") if provider and now else None
