"""What every test starts with, whatever ran before it in the same process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import structlog


@pytest.fixture(scope="session")
def kept_words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where workspaces of this run keep what was compiled and checked; its processes share one folder."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "kept-words"


@pytest.fixture(autouse=True)
def _logs_as_they_come() -> None:
    """A command run in this process sets the least level for everybody after it."""
    structlog.reset_defaults()
