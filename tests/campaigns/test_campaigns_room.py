"""The room's door: what others import, and what the child process need not."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import campaigns


def test_every_name_of_the_room_is_there() -> None:
    for name in campaigns.__all__:
        assert getattr(campaigns, name) is not None


def test_another_name_is_refused_as_in_any_module() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Newsletter'"):
        campaigns.Newsletter  # noqa: B018 - the asking is the test


def test_the_child_that_compiles_templates_knows_no_database() -> None:
    asked = (
        "import sys, campaigns.jobs; print(sorted({'sqlalchemy', 'subscribers', 'runup'} & {*sys.modules}))"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    answer = subprocess.run(
        [sys.executable, "-P", "-c", asked], env=environment, capture_output=True, text=True, check=True
    )
    assert answer.stdout == "[]\n"
