"""The files in docs/deploy: each is parsed, and every command of ours in them is run as far as a machine can
that has no containers."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from databases import empty_postgresql_url, postgresql_server

from runup.cli import app
from runup.settings import PREFIX, Settings

__all__ = ["empty_postgresql_url", "postgresql_server"]

DEPLOY = Path(__file__).parents[2] / "docs" / "deploy"
ROOT = DEPLOY.parents[1]
UNITS = sorted(DEPLOY.glob("*.service"))
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
OURS = {
    name: service for name, service in COMPOSE["services"].items() if service["image"].startswith("runup")
}
PROGRAM = Path(sys.executable).with_name("runup")


def parses(words: list[str]) -> None:
    """The front door understands it, without doing it."""
    app.parse_args(words, print_error=False, exit_on_error=False)


class Unit(configparser.RawConfigParser):
    """A unit file: keys keep their case, and may come again."""

    def __init__(self, file: Path) -> None:
        super().__init__(strict=False, delimiters=("=",), comment_prefixes=("#", ";"), interpolation=None)
        self.optionxform = str  # type: ignore[assignment,method-assign]
        self.read_string(file.read_text("utf-8"))


def instructions() -> list[tuple[str, str]]:
    """The Containerfile, an instruction a line."""
    text = re.sub(r"\\\n", " ", (DEPLOY / "Containerfile").read_text("utf-8"))
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(None, 1)[0], line.split(None, 1)[1].strip()) for line in lines]


def of(kind: str) -> list[str]:
    return [rest for name, rest in instructions() if name == kind]


def healthcheck() -> list[str]:
    return json.loads(of("HEALTHCHECK")[0].partition("CMD ")[2])


# -- systemd ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", UNITS, ids=lambda file: file.name)
def test_a_unit_starts_a_command_that_exists(file: Path) -> None:
    unit = Unit(file)
    command = unit["Service"]["ExecStart"].replace("%%", "%")
    words = re.search(r"bin/runup ([^'\"]+?)( \"|$)", command)
    assert words, command
    parses([*shlex.split(words[1]), *(["FILE"] if words[2].strip() else [])])
    assert unit["Service"]["User"] == "runup"
    assert unit["Service"]["ProtectSystem"] == "strict"
    assert set(unit["Service"]) >= {"ReadWritePaths", "NoNewPrivileges", "CapabilityBoundingSet", "UMask"}


def test_the_units_that_stay_give_calls_under_way_their_time() -> None:
    for name in ("runup.service", "runup-work.service"):
        service = Unit(DEPLOY / name)["Service"]
        assert service["KillMode"] == "mixed"
        assert int(service["TimeoutStopSec"]) > 25, "calls may take 20 seconds, and the site 10 more"
        assert "--resume" not in service["ExecStart"], "it would say yes to a copy"


def test_systemd_itself_has_nothing_to_say_where_it_is_installed(tmp_path: Path) -> None:
    """Its own linter, on the units with the places of this machine."""
    names = [file.name for file in (*UNITS, *DEPLOY.glob("*.timer"))]
    for name in names:
        text = (DEPLOY / name).read_text("utf-8").replace("/srv/runup/venv/bin/runup", "/bin/true")
        (tmp_path / name).write_text(text.replace("User=runup\n", "").replace("/srv/runup/interviews", "/"))
    analyze = shutil.which("systemd-analyze")
    commands = [
        ["verify", *names],
        *(["security", "--offline=true", "--threshold=25", u.name] for u in UNITS),
    ]
    for words in commands if analyze else ():
        done = subprocess.run([analyze, *words], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert "runup-backup.timer" in names


def test_the_backup_of_the_timer_is_written_by_the_shell_that_the_unit_names(tmp_path: Path) -> None:
    command = Unit(DEPLOY / "runup-backup.service")["Service"]["ExecStart"].replace("%%", "%")
    said = tmp_path / "said"
    program = tmp_path / "runup"
    program.write_text(f'#!/bin/sh\necho "$@" > {said}\n')
    program.chmod(0o755)
    words = shlex.split(command.replace("/srv/runup/venv/bin/runup", str(program)))
    subprocess.run(words, check=True)
    assert re.fullmatch(r"backup /var/backups/runup/runup-[\dTZ-]+\.tar\.gz\n", said.read_text())


# -- containers -------------------------------------------------------------------------------------------


def test_the_image_is_built_from_the_lock_and_runs_as_nobody_in_particular() -> None:
    assert all(":" in image.split()[0] and not image.endswith(":latest") for image in of("FROM"))
    assert any("--require-hashes -r requirements.lock" in run for run in of("RUN"))
    assert of("USER") == ["10001:10001"]
    assert json.loads(of("ENTRYPOINT")[0]) == ["runup"]
    parses(json.loads(of("CMD")[0]))
    names = re.findall(r"\b(RUNUP_\w+)=", " ".join(of("ENV")))
    assert names
    assert {name.removeprefix(PREFIX).lower() for name in names} <= set(Settings.model_fields)


def test_what_the_image_copies_is_let_in_and_holds_every_package() -> None:
    copied = [rest.split()[0] for rest in of("COPY") if not rest.startswith("--from")]
    copied += ["README.md", "LICENSE"]
    let_in = (DEPLOY / "Containerfile.dockerignore").read_text("utf-8").splitlines()
    assert let_in[0] == "*", "nothing comes in that is not named: no secrets, no database"
    assert {f"!{name}" for name in copied} <= set(let_in)
    packages = re.search(r"packages = \[(.*?)\]", (ROOT / "pyproject.toml").read_text("utf-8"))
    assert packages
    assert {name.strip(' "') for name in packages[1].split(",")} <= set(copied)


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_a_service_is_confined_and_waits_for_what_it_needs(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert "no-new-privileges:true" in service["security_opt"]
    assert "latest" not in service["image"] or name in OURS
    for other, how in service.get("depends_on", {}).items():
        condition = how["condition"]
        assert other in COMPOSE["services"]
        if condition == "service_healthy":
            assert COMPOSE["services"][other]["healthcheck"]["test"]
    for volume in service["volumes"]:
        assert volume.split(":")[0] in COMPOSE["volumes"]
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert not any("PASSWORD" in key or "SECRET" in key for key in service.get("environment", {}))
    if name in OURS:
        parses(service["command"])
        assert (service["user"], service["cap_drop"]) == ("10001:10001", ["ALL"])
        assert int(service["stop_grace_period"].removesuffix("s")) > 25
        values = {key.removeprefix(PREFIX).lower(): value for key, value in service["environment"].items()}
        assert Settings(**values).machine == "production"


@contextmanager
def running(service: str, environment: dict[str, str], folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A service of the compose file as a process of this machine, ended as a container is."""
    process = subprocess.Popen(
        [PROGRAM, *OURS[service]["command"]], cwd=folder, env=environment, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=90)
        assert process.returncode == 0, said
        assert all(json.loads(line) for line in said.splitlines()), "every line of a container is JSON"
    finally:
        process.kill()
        process.communicate()


def environment_of(service: str, **more: str) -> dict[str, str]:
    named = dict(re.findall(r"\b(RUNUP_\w+)=(\S+)", " ".join(of("ENV"))))
    clean = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return clean | named | {k: str(v) for k, v in OURS[service].get("environment", {}).items()} | more


@pytest.mark.timeout(400)
def test_the_services_come_up_in_their_order_and_are_healthy(
    tmp_path: Path, empty_postgresql_url: str
) -> None:
    more: dict[str, Any] = {
        "RUNUP_DATABASE": empty_postgresql_url, "RUNUP_SECRET_KEYS": "k" * 40,
        "RUNUP_SUPPRESSION_KEY": "s" * 40, "RUNUP_HOME": str(tmp_path),
        "RUNUP_HOST": "127.0.0.1", "RUNUP_PORT": "0",
    }  # fmt: skip
    with ExitStack() as stack:
        subprocess.run(
            [PROGRAM, *OURS["upgrade"]["command"]], cwd=tmp_path, env=environment_of("upgrade", **more),
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip
        more["RUNUP_METRICS_LISTEN"] = "127.0.0.1:0"
        site = stack.enter_context(running("site", environment_of("site", **more), tmp_path))
        said = [site.stdout.readline() for _ in range(3)] if site.stdout else []
        url = re.search(r"http://\S+:\d+", said[0])
        metrics = re.search(r"http://\S+/metrics", said[2])
        assert url, said
        assert metrics, said
        words = [word.replace("http://127.0.0.1:8000", url[0]) for word in healthcheck()]
        assert subprocess.run([sys.executable, *words[1:]], check=False).returncode == 0
        assert httpx.get(f"{url[0]}/health", timeout=60).json()["causes"] == ["no_worker"]
        stack.enter_context(running("workers", environment_of("workers", **more), tmp_path))
        deadline = time.monotonic() + 150
        while httpx.get(f"{url[0]}/health", timeout=60).status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)  # waits for other processes, which have their own clock
        assert 'database="postgresql"' in httpx.get(metrics[0], timeout=60).text


# -- proxies ----------------------------------------------------------------------------------------------


def test_the_proxies_log_no_paths_and_pass_on_only_what_they_know() -> None:
    nginx, caddy = ((DEPLOY / name).read_text("utf-8") for name in ("nginx.conf", "Caddyfile"))
    assert nginx.count("{") == nginx.count("}")
    bare = re.sub(r"#.*", "", nginx)
    assert all(line.rstrip().endswith((";", "{", "}")) for line in bare.splitlines() if line.strip())
    assert bare.count("access_log off;") == bare.count("server {") == 2
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in bare, "and not what the visitor says"
    assert "log" not in re.sub(r"#.*", "", caddy)
    assert "header_up X-Forwarded-For {remote_host}" in caddy
    for proxy in (bare, caddy):
        assert "/metrics" in proxy
        assert "127.0.0.1:8000" in proxy


def test_a_page_leads_to_every_file() -> None:
    pages = "".join(page.read_text("utf-8") for page in (ROOT / "docs").rglob("*.md"))
    hidden = {"Containerfile.dockerignore", "runup-backup.timer"}
    unknown = {file.name for file in DEPLOY.iterdir() if f"deploy/{file.name})" not in pages}
    assert unknown <= hidden
