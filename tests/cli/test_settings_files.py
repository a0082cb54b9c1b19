"""Settings: where they are found, what wins, and what a wrong one says."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest
from terminals import Terminal

from runup.application import Application
from runup.settings import Settings, SettingsError
from runup.workspace import create_secrets

SECRET = "s3cret-" * 6


@pytest.fixture
def folder(bare: Terminal) -> Path:
    return bare.folder


def load_errors() -> list[str]:
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    return str(caught.value).splitlines()


def test_defaults_need_no_file(folder: Path) -> None:
    settings = Settings.load()
    assert settings.home == folder
    assert settings.database_url == f"sqlite:///{folder}/runup.db"
    assert settings.outbox_folder == folder / "outbox"
    assert str(settings.base_url) == "http://127.0.0.1:8000/"


def test_the_nearest_file_above_counts_and_paths_count_from_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "runup.toml").write_text(
        'templates = "mine"\noutbox = "mails"\ndatabase = "sqlite:///data.db"\n'
    )
    below = folder / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    settings = Settings.load()
    assert settings.home == folder
    assert settings.templates == folder / "mine"
    assert settings.outbox_folder == folder / "mails"
    assert settings.database_url == f"sqlite:///{folder}/data.db"


def test_the_environment_wins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "runup.toml").write_text('port = 9000\nbrand_name = "From the file"\n')
    monkeypatch.setenv("RUNUP_PORT", "9001")
    monkeypatch.setenv("RUNUP_ALLOW_LIST", "example.com, ana@example.org")
    settings = Settings.load()
    assert (settings.port, settings.brand_name) == (9001, "From the file")
    assert settings.allow_list == ("example.com", "ana@example.org")


def test_runup_home_says_where_to_begin(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (folder / "runup.toml").write_text("port = 9000\n")
    (folder / "deep").mkdir()
    monkeypatch.setenv("RUNUP_HOME", str(folder / "deep"))
    monkeypatch.chdir(tmp_path)
    assert Settings.load().home == folder
    assert Settings.load().port == 9000


def test_every_unknown_key_is_named_with_its_line_and_the_nearest(folder: Path) -> None:
    (folder / "runup.toml").write_text(
        '# mine\nbrand_nam = "x"\n\nprot = 80\nxyzzy = 1\n[smtp]\nhost = "h"\n'
    )
    assert load_errors() == [
        "runup.toml:2: there is no setting 'brand_nam'; did you mean brand_name?",
        "runup.toml:4: there is no setting 'prot'; did you mean port?",
        "runup.toml:5: there is no setting 'xyzzy'",
        "runup.toml:6: there is no setting 'smtp'; did you mean smtp_port?",
    ]


@pytest.mark.parametrize("name", ["secret_keys", "suppression_key", "smtp_password", "sendgrid_api_key"])
def test_a_secret_in_the_settings_file_is_refused_and_not_repeated(folder: Path, name: str) -> None:
    (folder / "runup.toml").write_text(f'{name} = "{SECRET}"\n')
    (line,) = load_errors()
    assert line.startswith(f"runup.toml:1: {name} is a secret")
    assert f"RUNUP_{name.upper()}" in line
    assert SECRET not in line


def test_every_wrong_value_is_one_line_that_says_where(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "runup.toml").write_text('\nport = 99999\nsender = "nobody"\nprovider = "pigeon"\n')
    monkeypatch.setenv("RUNUP_CONCURRENCY", "none")
    monkeypatch.setenv("RUNUP_BRAND_COLOR", "red")
    lines = load_errors()
    assert len(lines) == 5
    assert any(line.startswith("runup.toml:2: port: ") for line in lines)
    assert any(line.startswith("runup.toml:3: sender: ") for line in lines)
    assert any(line.startswith("runup.toml:4: provider: ") and "'outbox'" in line for line in lines)
    assert any(line.startswith("RUNUP_CONCURRENCY (environment): ") for line in lines)
    assert any(line.startswith("RUNUP_BRAND_COLOR (environment): ") for line in lines)


def test_wrong_settings_are_exit_code_2(bare: Terminal) -> None:
    (bare.folder / "runup.toml").write_text("port = 99999\n")
    result = bare("status")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "runup.toml:1: port" in result.err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"port = = 1\n", "line 1"),
        (b"brand_name = '\xff'\n", "not UTF-8"),
        (b"port = 1\nport = 2\n", "line 2"),
    ],
)
def test_a_file_that_is_no_toml_says_where(folder: Path, content: bytes, words: str) -> None:
    (folder / "runup.toml").write_bytes(content)
    (line,) = load_errors()
    assert line.startswith("runup.toml")
    assert words in line


def test_secrets_are_made_once_for_their_owner_alone(folder: Path) -> None:
    assert create_secrets(folder)
    file = folder / "secrets.toml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    made = file.read_text()
    assert not create_secrets(folder)
    assert file.read_text() == made
    settings = Settings.load()
    assert len(settings.secret_keys) == 1
    assert settings.secret_keys[0] != settings.suppression_key


def test_two_first_starts_at_once_agree_on_one_file(folder: Path) -> None:
    barrier, made = threading.Barrier(8), []

    def start() -> None:
        barrier.wait()
        made.append(create_secrets(folder))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made.count(True) == 1
    assert [file.name for file in folder.iterdir()] == ["secrets.toml"]


def test_a_short_key_is_refused_unprinted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNUP_SECRET_KEYS", "short-and-bad")
    (line,) = load_errors()
    assert line == "RUNUP_SECRET_KEYS (environment): a key needs at least 32 random characters"


def test_nothing_secret_is_in_any_representation(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SECRET_KEYS", "SUPPRESSION_KEY", "SMTP_PASSWORD", "SENDGRID_API_KEY"):
        monkeypatch.setenv(f"RUNUP_{name}", SECRET)
    monkeypatch.setenv("RUNUP_DATABASE", f"postgresql://runup:{SECRET}@127.0.0.1/runup")
    settings = Settings.load()
    application = Application.open(settings)
    for thing in (settings, application, application.links, application.database):
        assert SECRET not in repr(thing)
        assert SECRET not in str(thing)
    application.close()


def test_without_secrets_the_next_step_is_named(folder: Path) -> None:
    with pytest.raises(SettingsError, match="secret_keys and suppression_key not set; run `runup init`"):
        Application.open(Settings.load())
