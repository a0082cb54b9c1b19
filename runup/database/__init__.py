"""The ground floor: one Base, moments that know their zone, sessions, and the history of the tables."""

from runup.database.base import Base, Instant
from runup.database.connection import Database, DatabaseError
from runup.database.migrating import upgrade
from runup.database.revisions import current_revision, knows_revision, newest_revision, require_newest

__all__ = [
    "Base",
    "Database",
    "DatabaseError",
    "Instant",
    "current_revision",
    "knows_revision",
    "newest_revision",
    "require_newest",
    "upgrade",
]
