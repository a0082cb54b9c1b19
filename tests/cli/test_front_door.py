"""The door itself: help, errors of one line, exit codes, and what a pipe gets."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from terminals import PROGRAM, Terminal, add_ana, in_a_process

HEAVY = ("sqlalchemy", "fastapi", "uvicorn", "jinja2", "alembic", "apscheduler", "pydantic_settings", "babel")


def test_help_names_every_command(bare: Terminal) -> None:
    out = bare.ok("--help").out
    for name in (
        "demo", "init", "serve", "work", "simulate", "subscribers", "campaigns", "sends", "preview",
        "send-test", "suppressions", "database", "doctor", "status",
    ):  # fmt: skip
        assert f" {name} " in out


def test_help_loads_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from runup.cli import main; main(['--help']); "
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize(
    "command",
    ["init", "serve", "work", "simulate", "preview", "send-test", "status", "doctor", "subscribers add",
     "subscribers import", "subscribers export", "campaigns timeline", "explain", "database check"],
)  # fmt: skip
def test_every_command_explains_itself(bare: Terminal, command: str) -> None:
    assert f"runup {command}" in bare.ok(*command.split(), "--help").out


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["subscriber"], "there is no command 'subscriber'; did you mean subscribers?"),
        (["frobnicate"], "there is no command 'frobnicate'; see runup --help"),
        (["subscribers", "lst"], "did you mean list?"),
        (["--versio"], "did you mean --version?"),
        (["status", "--jsn"], 'Unknown option: "--jsn"'),
        (["subscribers", "list", "--limit", "many"], "many"),
        (["subscribers", "show"], "WHO"),
        (["subscribers", "add", "ana@example.com", "--date", "2026-12-04"], "--home-zone"),
        (["simulate", "--mode", "walk"], "walk"),
    ],
)
def test_a_slip_of_the_keyboard_is_one_line_and_exit_code_2(
    bare: Terminal, words: list[str], answer: str
) -> None:
    result = bare(*words)
    assert result.code == 2
    assert result.out == ""
    assert result.err.startswith("error: ")
    assert result.err.count("\n") == 1
    assert answer.replace('"', "") in result.err.replace('"', "")


def test_outside_a_workspace_the_next_step_is_named_and_nothing_is_made(bare: Terminal) -> None:
    for words in (["status"], ["subscribers", "list"], ["sends", "next"]):
        result = bare(*words)
        assert result.code == 1
        assert "runup init" in result.err
    assert list(bare.folder.iterdir()) == []


def test_init_makes_a_workspace_once(bare: Terminal) -> None:
    assert "secrets.toml" in bare.ok("init", "here").out
    made = {file.name for file in (bare.folder / "here").iterdir()}
    assert made >= {"runup.toml", "secrets.toml", ".gitignore", "runup.db"}
    secrets = (bare.folder / "here" / "secrets.toml").read_text()
    assert "everything is there already" in bare.ok("init", "here").out
    assert (bare.folder / "here" / "secrets.toml").read_text() == secrets


def test_the_workspace_is_found_from_below(runup: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    below = runup.folder / "templates" / "exam"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert runup.ok("status").code == 0
    assert list(below.iterdir()) == []


def test_a_pipe_gets_plain_lines_with_tabs(with_ana: Terminal) -> None:
    done = in_a_process("subscribers", "list", "--addresses", cwd=with_ana.folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0].split("\t") == ["No", "Address", "Name", "Interview", "Zone", "State"]
    assert done.stdout.splitlines()[1].split("\t")[1] == "ana@example.com"
    assert "\x1b" not in done.stdout


def test_the_program_exits_with_the_code_of_the_command(with_ana: Terminal) -> None:
    assert in_a_process("subscribers", "show", "nobody@example.com", cwd=with_ana.folder).returncode == 2
    assert in_a_process("doctor", cwd=with_ana.folder.parent).returncode == 1
    assert in_a_process("status", cwd=with_ana.folder).returncode == 0


def test_a_reader_who_has_seen_enough_is_no_error(with_ana: Terminal) -> None:
    shell = f"{PROGRAM} sends list --json | head -c 1"
    done = subprocess.run(shell, shell=True, cwd=with_ana.folder, capture_output=True, text=True, check=False)  # noqa: S602
    assert (done.stdout, done.stderr) == ("[", "")


@pytest.mark.parametrize("columns", [80, 120])
def test_a_terminal_gets_a_table_that_fits(with_ana: Terminal, columns: int) -> None:
    screen = _on_a_terminal(["explain", "ana@example.com"], cwd=with_ana.folder, columns=columns)
    lines = screen.replace("\r", "").split("\n")
    assert any("──" in line for line in lines)
    assert all(len(line) <= columns for line in lines)
    assert "Go one level deeper" in screen


def test_a_terminal_without_color_gets_none(bare: Terminal) -> None:
    colorful = _on_a_terminal(["stauts"], cwd=bare.folder, columns=80, code=2, TERM="xterm-256color")
    plain = _on_a_terminal(
        ["stauts"], cwd=bare.folder, columns=80, code=2, TERM="xterm-256color", NO_COLOR="1"
    )
    color = re.compile(r"\x1b\[[0-9;]*3[0-7]m")
    assert color.search(colorful)
    assert not color.search(plain)
    assert "did you mean status?" in plain


def test_a_name_cannot_move_the_cursor(runup: Terminal) -> None:
    add_ana(runup)
    _rename(runup, "\x1b]0;owned\x07\x1b[31m[bold]Eve\u202e")
    for words in (["subscribers", "list"], ["subscribers", "show", "ana@example.com"]):
        out = runup.ok(*words).out
        assert "Eve" in out
        assert "[bold]" in out
        assert not {"\x1b", "\x07", "\u202e"} & set(out)
    assert "\x1b" not in runup.ok("subscribers", "list", "--json").out


def test_json_is_whole_however_strange_the_name(runup: Terminal) -> None:
    add_ana(runup)
    _rename(runup, "\x9b31m\x7f\x00Zoë")
    result = runup.ok("subscribers", "list", "--json")
    assert not {"\x9b", "\x7f", "\x00"} & set(result.out)
    assert result.json[0]["first_name"] == "\x9b31m\x7f\x00Zoë"


def _rename(terminal: Terminal, name: str) -> None:
    """Past the front door: as a fault or an older version might have stored it."""
    import sqlite3

    with sqlite3.connect(terminal.folder / "runup.db") as connection:
        connection.execute("UPDATE subscriber SET first_name = ?", (name,))
    connection.close()


def _on_a_terminal(words: list[str], *, cwd: Path, columns: int, code: int = 0, **more: str) -> str:
    ours, theirs = pty.openpty()
    environment = os.environ | {"COLUMNS": str(columns), "LINES": "60", "TERM": "dumb"} | more
    with subprocess.Popen(
        [PROGRAM, *words], cwd=cwd, stdout=theirs, stderr=theirs, stdin=theirs, env=environment
    ) as run:
        os.close(theirs)
        screen = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:
                break
            if not piece:
                break
            screen += piece
    os.close(ours)
    assert run.returncode == code, json.dumps(screen.decode())
    return screen.decode()
