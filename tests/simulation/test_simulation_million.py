"""The short form of the million: the same program, a few hundred emails, faults in one attempt of ten."""

from __future__ import annotations

from pathlib import Path

import million
import pytest

SENDS = 1200


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("scenario", "most_doubled"), [("healthy", 0), ("down", 3)])
def test_none_is_lost_in_silence(tmp_path: Path, scenario: str, most_doubled: int) -> None:
    result = million.run(scenario, SENDS, folder=tmp_path)

    assert result.lost == 0
    assert result.duplicates <= most_doubled
    assert result.doubted > SENDS * 0.04
    assert sum(result.states.values()) == SENDS
    assert result.unknown < SENDS * 0.05


@pytest.mark.timeout(300)
def test_without_a_feed_doubt_is_told_and_not_hidden(tmp_path: Path) -> None:
    result = million.run("none", 600, folder=tmp_path)

    assert result.lost == 0
    assert result.unknown > 0


def test_the_judge_sees_what_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same program, with a provider that says 202 and takes nothing."""
    monkeypatch.setattr(million.Post, "_take", lambda *_: None)

    assert million.run("healthy", 60, folder=tmp_path).lost > 40
