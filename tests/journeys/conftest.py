"""Fixtures of this folder."""

from databases import database_url, postgresql_server, postgresql_url, sqlite_url
from journey import town

__all__ = ["database_url", "postgresql_server", "postgresql_url", "sqlite_url", "town"]
