"""An upgrade of the tables is done, or nothing has happened."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import op

from runup.database import Database, current_revision, newest_revision, upgrade


@pytest.mark.parametrize("name", ["sqlite", "postgresql"])
def test_an_upgrade_that_breaks_off_leaves_everything_as_it_was(
    name: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_sqlite = name == "sqlite"
    url = f"sqlite:///{tmp_path / 'new.db'}" if is_sqlite else request.getfixturevalue("empty_postgresql_url")
    database = Database(url)
    make = op.create_index

    def break_off(index: str, *words: object, **more: object) -> None:
        if index == "ix_webhook_post_person":
            raise RuntimeError("the power went")
        make(index, *words, **more)

    with monkeypatch.context() as patch:
        patch.setattr(op, "create_index", break_off)
        with pytest.raises(RuntimeError):
            upgrade(database)
    assert current_revision(database) is None
    assert set(sa.inspect(database.engine).get_table_names()) <= {"alembic_version"}
    upgrade(database)
    assert current_revision(database) == newest_revision()
    database.close()
