"""The same files are looked at once; the smallest change is looked at again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from campaigns.checking import check_campaign
from campaigns.confined import Limits
from campaigns.errors import CampaignError
from campaigns.jobs import check_job
from campaigns.remembering import KEPT, remembered


class Child:
    """Counts what it is asked, and answers as the child process does."""

    def __init__(self) -> None:
        self.asked = 0

    def check(self, _job: str, request: dict[str, Any], limits: Limits, _campaign: str) -> Any:
        self.asked += 1
        return check_job(request, limits)

    def echo(self, _job: str, request: dict[str, Any], _limits: Limits, _campaign: str) -> Any:
        self.asked += 1
        return {"answer to": request}


def ask(run, what="a question"):
    return run("check", {"what": what}, Limits(), "short")


def test_what_was_answered_once_is_not_asked_again_by_anybody(tmp_path):
    first, second = Child(), Child()
    told = ask(remembered(tmp_path / "kept", first.echo))
    assert ask(remembered(tmp_path / "kept", second.echo)) == told == {"answer to": {"what": "a question"}}
    assert (first.asked, second.asked) == (1, 0)


@pytest.mark.parametrize(
    "other",
    [
        ("check", {"what": "another"}, Limits(), "short"),
        ("compile", {"what": "a question"}, Limits(), "short"),
        ("check", {"what": "a question"}, Limits(max_depth=5), "short"),
        ("check", {"what": "a question"}, Limits(), "long"),
    ],
)
def test_another_question_is_another(tmp_path, other):
    child = Child()
    run = remembered(tmp_path, child.echo)
    ask(run)
    run(*other)
    assert child.asked == 2


def test_another_version_of_the_code_looks_for_itself(tmp_path, monkeypatch):
    child = Child()
    run = remembered(tmp_path, child.echo)
    ask(run)
    monkeypatch.setattr("campaigns.remembering._makers", lambda: ["the next release"])
    ask(run)
    assert child.asked == 2


@pytest.mark.parametrize("damage", [b"", b"no gzip", b"\x1f\x8b\x08\x00 half a file"])
def test_a_damaged_answer_is_asked_for_again_and_replaced(tmp_path, damage):
    child = Child()
    run = remembered(tmp_path, child.echo)
    told = ask(run)
    (file,) = tmp_path.glob("*.gz")
    file.write_bytes(damage)
    assert [ask(run), ask(run)] == [told, told]
    assert child.asked == 2


def test_a_refusal_is_not_kept(tmp_path):
    def refuses(*_):
        raise CampaignError("details/body.mjml", 3, "no")

    for _ in range(2):
        with pytest.raises(CampaignError):
            ask(remembered(tmp_path, refuses))
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_can_be_kept_everything_works(tmp_path):
    (tmp_path / "kept").write_text("a file where the folder should be")
    child = Child()
    run = remembered(tmp_path / "kept", child.echo)
    assert ask(run) == ask(run)
    assert child.asked == 2


def test_the_folder_does_not_grow_without_end_and_stays_out_of_git(tmp_path):
    run = remembered(tmp_path, Child().echo)
    for number in range(KEPT + 5):
        ask(run, f"question {number}")
    assert len(list(tmp_path.glob("*.gz"))) == KEPT
    assert (tmp_path / ".gitignore").read_text().splitlines()[-1] == "*"


def test_another_hour_needs_no_second_look_at_the_words_and_a_word_does(folder, tmp_path):
    timetable = '[sequence]\nkey = "short"\n\n[[step]]\nkey = "details"\ntitle = "D"\nday = -1\ntime = {}\n'
    child = Child()

    def checked() -> Any:
        run = remembered(tmp_path / "kept", child.check)
        return check_campaign(folder.root / "short", base=folder.root / "_base", run=run)

    folder.write("sequence.toml", timetable.format("16:00:00"))
    first = checked()
    folder.write("sequence.toml", timetable.format("17:30:00"))
    assert (checked(), child.asked) == (first, 1)
    folder.write("details/text.txt", "").write("details/subject.txt", "About None of them\n")
    checked()
    assert child.asked == 2


def test_a_fault_is_told_again_though_nobody_looks_again(folder, tmp_path):
    folder.write("details/body.txt", "No address, no way out\n")
    child = Child()
    run = remembered(Path(tmp_path / "kept"), child.check)
    first, again = (
        check_campaign(folder.root / "short", base=folder.root / "_base", run=run) for _ in range(2)
    )
    assert [one.severity for one in first].count("error") >= 2
    assert (first, child.asked) == (again, 1)
