"""What runs before and after the statements of a PostgreSQL dump, in the same transaction."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import scheduler  # noqa: F401 - maps the tables of every room
from runup.database import Base

_CREATED = re.compile(r"CREATE TABLE public\.(\w+) \($")


def before(dump: Path) -> str:
    """Drop what is ours and what the dump makes anew; other tables of the same database stay."""
    with dump.open(encoding="utf-8", errors="replace") as text:
        made = {found[1] for line in text if (found := _CREATED.match(line))}
    tables = sorted(made | set(Base.metadata.tables) | {"alembic_version"})
    lines = ["SET lock_timeout = '10s';", "SET client_min_messages = warning;"]
    lines += [f'DROP TABLE IF EXISTS public."{table}" CASCADE;' for table in tables]
    lines.append(
        "DO $$ DECLARE f regprocedure; BEGIN FOR f IN SELECT oid::regprocedure FROM pg_proc "
        "WHERE proname LIKE 'runup\\_%' AND pronamespace = 'public'::regnamespace "
        "LOOP EXECUTE 'DROP FUNCTION ' || f; END LOOP; END $$;"
    )
    return "\n".join(lines) + "\n"


def hold_statement(kind: str, detail: str, *, now: datetime) -> str:
    """The brake, as a statement. The dump sets an empty search path, so the table has its schema."""
    said = detail.replace("'", "''")
    return (
        f"INSERT INTO public.hold (kind, began_at, detail) VALUES ('{kind}', '{now.isoformat()}', '{said}') "  # noqa: S608
        "ON CONFLICT (kind) DO UPDATE SET began_at = excluded.began_at, detail = excluded.detail, "
        "released_until = NULL;\n"
    )
