"""Fixtures of this folder."""

from databases import (
    database,
    database_url,
    empty_postgresql_url,
    postgresql_server,
    postgresql_url,
    reopen,
    sqlite_url,
)

__all__ = [
    "database",
    "database_url",
    "empty_postgresql_url",
    "postgresql_server",
    "postgresql_url",
    "reopen",
    "sqlite_url",
]
