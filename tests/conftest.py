"""What every test starts with, whatever ran before it in the same process."""

from __future__ import annotations

import pytest
import structlog


@pytest.fixture(autouse=True)
def _logs_as_they_come() -> None:
    """A command run in this process sets the least level for everybody after it."""
    structlog.reset_defaults()
