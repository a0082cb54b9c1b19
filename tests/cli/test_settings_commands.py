"""What is set, and where; and that no secret is shown or taken where others read it."""

from __future__ import annotations

import pytest
from terminals import Terminal

SECRET = "correct-horse-battery"


def row(terminal: Terminal, name: str) -> dict[str, object]:
    ((found),) = terminal.ok("settings", "show", name, "--json").json
    return dict(found)


def test_each_value_comes_from_somewhere(runup: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    (runup.folder / "runup.toml").write_text("# ours\nrate = 2\nconcurrency = 8\n", "utf-8")
    monkeypatch.setenv("RUNUP_CONCURRENCY", "16")
    assert row(runup, "rate") == {"name": "rate", "value": 2.0, "source": "runup.toml:2", "is_set": True}
    assert row(runup, "concurrency")["source"] == "RUNUP_CONCURRENCY (environment)"
    assert row(runup, "RUNUP_CONCURRENCY")["value"] == 16
    assert row(runup, "port")["source"] == "default"
    shown = {line[0] for line in runup.ok("settings", "show", "--changed").rows}
    assert shown == {"rate", "concurrency", "secret_keys", "suppression_key"}


def test_secrets_are_never_shown(runup: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNUP_SMTP_PASSWORD", SECRET)
    monkeypatch.setenv("RUNUP_DATABASE", f"postgresql://runup:{SECRET}@127.0.0.1/runup")
    told = runup.ok("settings", "show")
    assert SECRET not in told.out + runup.ok("settings", "show", "--json").out
    lines = {line[0]: line[1] for line in told.rows}
    assert lines["smtp_password"] == "(set, not shown)"
    assert lines["sendgrid_api_key"] == "-"
    assert lines["database"] == "postgresql://runup:…@127.0.0.1/runup"
    assert row(runup, "smtp_password") == {
        "name": "smtp_password",
        "value": None,
        "source": "RUNUP_SMTP_PASSWORD (environment)",
        "is_set": True,
    }


def test_a_setting_that_does_not_exist_suggests_the_nearest(runup: Terminal) -> None:
    result = runup("settings", "show", "concurency")
    assert (result.code, "did you mean concurrency?" in result.err) == (2, True)


def test_settings_that_can_be_used_are_said_so(runup: Terminal) -> None:
    told = runup.ok("settings", "check").out
    assert "3 of " in told
    assert "All of them can be used" in told


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("rat = 2\n", "runup.toml:1: there is no setting"),
        ("\nport = 99999\n", "runup.toml:2: port: input should be less than"),
        ('provider = "smtp"\nsmtp_username = "me"\n', "SMTP_PASSWORD"),
        ('smtp_password = "x"\n', "runup.toml:1"),
        ("port = \n", "runup.toml: Invalid value"),
    ],
)
def test_a_setting_that_is_wrong_names_its_line(runup: Terminal, text: str, answer: str) -> None:
    (runup.folder / "runup.toml").write_text(text, "utf-8")
    result = runup("settings", "check")
    assert result.code == 2
    assert answer in result.err


def test_a_variable_that_is_no_setting_is_noticed(runup: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNUP_RAT", "2")
    result = runup("settings", "check")
    assert (result.code, "did you mean RUNUP_RATE?" in result.err) == (1, True)


@pytest.mark.parametrize("words", [["--smtp-password", SECRET], [f"--smtp-password={SECRET}"]])
def test_a_secret_on_a_command_line_is_refused_and_not_repeated(runup: Terminal, words: list[str]) -> None:
    result = runup("status", *words)
    assert result.code == 2
    assert SECRET not in result.err + result.out
    assert "set RUNUP_SMTP_PASSWORD, or write it into secrets.toml" in result.err


def test_a_setting_that_is_typed_as_an_option_is_told_where_it_belongs(runup: Terminal) -> None:
    result = runup("doctor", "--smtp-host", "mail.example.com")
    assert (result.code, "set RUNUP_SMTP_HOST, or write it into runup.toml" in result.err) == (2, True)
