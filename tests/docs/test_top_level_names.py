"""Six import names of everyday words: nobody else may bring one of them along."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

NAMES = ("campaigns", "delivery", "runup", "scheduler", "subscribers", "templates")


@pytest.mark.parametrize("name", NAMES)
def test_no_other_distribution_brings_the_name(name):
    # An editable install brings its names by a path and lists none.
    assert set(packages_distributions().get(name, ["runup"])) == {"runup"}


def test_all_six_come_from_one_place():
    folders = {Path(str(import_module(name).__file__)).parents[1] for name in NAMES}
    assert len(folders) == 1, "one of the names is somebody else's"
