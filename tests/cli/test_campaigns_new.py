"""`runup campaigns new`: a campaign to begin with."""

from __future__ import annotations

import pytest
from terminals import Terminal

from delivery.inbox import read_outbox


def test_a_new_campaign_passes_the_check_at_once(runup: Terminal) -> None:
    out = runup.ok("campaigns", "new", "big_move").out
    assert "Made templates/big_move with 3 emails: confirm, eve, welcome." in out
    assert runup.ok("campaigns", "check", "big_move").out == "big_move: 0 errors, 0 warnings\n"
    assert ["big_move", "Big move"] in [row[:2] for row in runup.ok("campaigns", "list").rows]


def test_a_campaign_is_copied_to_be_changed(runup: Terminal) -> None:
    runup.ok("campaigns", "new", "third_interview", "--from", "second_interview")
    words = runup.folder / "templates" / "third_interview" / "salary" / "subject.txt"
    words.write_text("Talking about money\n", "utf-8")
    assert "third_interview" in {row[0] for row in runup.ok("campaigns", "list").rows}
    runup.ok("send-test", "ana@example.com", "salary", "--campaign", "third_interview")
    (email,) = read_outbox(runup.folder / "outbox")
    assert email.subject == "[test] Talking about money"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["Big-Move"], "small letters, digits and _"),
        (["exam", "--from", "exm"], "did you mean exam?"),
        (["exam", "--from", "../secrets"], "there is nothing called"),
    ],
)
def test_what_cannot_be_a_campaign_is_refused_and_nothing_is_written(
    runup: Terminal, words: list[str], message: str
) -> None:
    result = runup("campaigns", "new", *words)
    assert result.code != 0
    assert message in result.err
    assert [path.name for path in (runup.folder / "templates").iterdir()] == ["second_interview"]


def test_a_campaign_that_is_there_is_never_overwritten(runup: Terminal) -> None:
    runup.ok("campaigns", "new", "race")
    words = runup.folder / "templates" / "race" / "eve" / "subject.txt"
    words.write_text("Mine\n", "utf-8")
    assert runup("campaigns", "new", "race").code != 0
    assert words.read_text("utf-8") == "Mine\n"
