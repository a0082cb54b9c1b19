"""The folder an operator begins with."""

from __future__ import annotations

import re
import shlex
from importlib.resources import files

from terminals import Terminal

from delivery.inbox import read_outbox

WORDS = ("templates", "second_interview", "salary", "subject.txt")


def test_a_workspace_has_settings_the_campaign_and_a_readme(bare: Terminal) -> None:
    told = bare.ok("init", "mine").out
    folder = bare.folder / "mine"
    assert "made runup.toml, .gitignore, README.md, templates/second_interview, secrets.toml" in told
    assert folder.joinpath(*WORDS).read_text("utf-8") == files("templates").joinpath(*WORDS[1:]).read_text(
        "utf-8"
    )
    assert (folder / "secrets.toml").stat().st_mode & 0o077 == 0
    ignored = (folder / ".gitignore").read_text("utf-8").split()
    assert {"secrets.toml", "runup.db*", "outbox/", "journal/"} == set(ignored)


def test_the_first_five_commands_of_the_readme_exist(runup: Terminal) -> None:
    block = re.search(r"```sh\n(.*?)```", (runup.folder / "README.md").read_text("utf-8"), re.DOTALL)
    assert block
    typed = [shlex.split(line, comments=True) for line in block[1].splitlines()]
    assert [words[0] for words in typed] == ["runup"] * 5
    for words in typed:
        assert f"Usage: {' '.join(words)}" in runup.ok(*words[1:], "--help").out


def test_the_words_of_the_workspace_are_those_that_are_used(runup: Terminal) -> None:
    runup.folder.joinpath(*WORDS).write_text("Talking about money\n", "utf-8")
    runup.ok("send-test", "ana@example.com", "salary")
    (email,) = read_outbox(runup.folder / "outbox")
    assert email.subject == "[test] Talking about money"


def test_doing_it_again_leaves_everything_as_it_was(runup: Terminal) -> None:
    words = runup.folder.joinpath(*WORDS)
    words.unlink()
    (runup.folder / "README.md").write_text("ours\n", "utf-8")
    assert "everything is there already" in runup.ok("init").out
    assert not words.exists()
    assert (runup.folder / "README.md").read_text("utf-8") == "ours\n"


def test_whoever_wants_the_shipped_words_gets_no_copy(bare: Terminal) -> None:
    bare.ok("init", "--no-campaign")
    assert not (bare.folder / "templates").exists()
    assert bare.ok("settings", "show", "templates", "--json").json[0]["value"] is None
    assert "second_interview/" not in (bare.folder / "README.md").read_text("utf-8")
    bare.ok("campaigns", "show")


def test_campaigns_of_before_are_left_alone(bare: Terminal) -> None:
    own = bare.folder / "templates" / "second_interview"
    own.mkdir(parents=True)
    (own / "notes.txt").write_text("mine\n", "utf-8")
    assert "templates/second_interview" not in bare.ok("init").out
    assert [file.name for file in own.iterdir()] == ["notes.txt"]
