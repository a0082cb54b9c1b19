"""`pytest tests/simulation --sim-seed=N` replays one seed."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--sim-seed", type=int, default=None, help="replay this one seed of the simulation")
