"""What a shell completes, in a real bash."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from terminals import Terminal

from runup.cli import main

ASK = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
completes=$(complete -p runup | sed 's/.*-F \\([^ ]*\\).*/\\1/')
"$completes" runup "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `runup completion bash` prints it; the test below asks the installed program itself."""
    file = tmp_path_factory.mktemp("completion") / "runup.bash"
    with pytest.MonkeyPatch.context() as patched, file.open("w", encoding="utf-8") as out:
        patched.setattr("sys.stdout", out)
        assert main(["completion", "bash"]) == 0
    return file


def completed(script: Path, *words: str) -> set[str]:
    asked = subprocess.run(
        ["bash", "--norc", "-c", ASK, "bash", script, "runup", *words],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert asked.stderr == ""
    return {word.strip() for word in asked.stdout.split("\n") if word.strip()}


@pytest.mark.parametrize(
    ("words", "among"),
    [
        (["sta"], {"status"}),
        ([""], {"init", "serve", "explain", "campaigns", "settings"}),
        (["sends", ""], {"list", "next", "show", "doubt", "release"}),
        (["sends", "list", "--st"], {"--state", "--step"}),
        (["simulate", "--mode", ""], {"onsite", "video", "phone", "unknown"}),
        (["completion", ""], {"bash", "zsh", "fish"}),
    ],
)
def test_bash_completes_commands_options_and_values(script: Path, words: list[str], among: set[str]) -> None:
    assert among <= completed(script, *words)


def test_nothing_else_is_offered_for_what_was_begun(script: Path) -> None:
    assert completed(script, "sta") == {"status"}
    assert completed(script, "nothing-like-it") == set()


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_have_theirs(bare: Terminal, shell: str) -> None:
    script = bare.ok("completion", shell).out
    assert re.search(r"\brunup\b", script)
    assert "newsletters" in script
    assert "--dry-run" in script or "dry-run" in script


def test_a_shell_nobody_has_is_bad_input(bare: Terminal) -> None:
    result = bare("completion", "csh")
    assert result.code == 2
    assert "bash" in result.err
