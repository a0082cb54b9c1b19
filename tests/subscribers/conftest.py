"""Fixtures of this folder."""

from databases import database, database_url, postgresql_server, postgresql_url, sqlite_url

__all__ = ["database", "database_url", "postgresql_server", "postgresql_url", "sqlite_url"]
