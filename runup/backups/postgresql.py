"""PostgreSQL's own programs: pg_dump, pg_restore, psql. Passwords never stand on a command line."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from psycopg.conninfo import make_conninfo

from runup.database import Database


class ToolFailed(Exception):
    """A program is missing or has failed; the message has its own words."""


def dump(database: Database, target: Path) -> None:
    """One state of the database, whoever writes meanwhile, in pg_dump's own format."""
    _run(database, "pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={target}")


def as_sql(database: Database, dump: Path, target: Path) -> None:
    """The dump as statements. Raises ToolFailed for what is no dump."""
    _run(
        database, "pg_restore", "--no-owner", "--no-privileges", f"--file={target}", str(dump), connects=False
    )


def run_files(database: Database, *files: Path) -> None:
    """Run files of statements in one transaction: all of them, or nothing has happened."""
    named = [f"--file={file}" for file in files]
    _run(database, "psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction", *named)


def require_tools(*names: str) -> None:
    """Raise ToolFailed naming the first that is not here."""
    for name in names:
        if shutil.which(name) is None:
            raise ToolFailed(
                f"{name} is not on this machine's PATH; install PostgreSQL's client programs, of the "
                "server's version or newer"
            )


def _run(database: Database, program: str, *words: str, connects: bool = True) -> None:
    require_tools(program)
    conninfo, password = _address(database)
    command: Sequence[str] = [
        program,
        *words,
        *([f"--dbname={conninfo}", "--no-password"] if connects else []),
    ]
    environment = (
        os.environ | ({"PGPASSWORD": password} if password else {}) | {"PGOPTIONS": "", "LC_ALL": "C"}
    )
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        said = next((line for line in lines if "error" in line.lower()), lines[-1] if lines else "")
        raise ToolFailed(f"{program} failed: {said[:300] or f'exit code {done.returncode}'}")


def _address(database: Database) -> tuple[str, str]:
    """What libpq needs, and the password by itself."""
    _, found = database.engine.dialect.create_connect_args(database.engine.url)
    password = str(found.pop("password", "") or "")
    found.pop("context", None)  # SQLAlchemy's own, for the driver
    return make_conninfo(**{name: value for name, value in found.items() if value}), password
