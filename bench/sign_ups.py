"""How long a sign-up waits while emails leave: a running site with its worker on SQLite, in one process as
`runup serve` has them, and visitors from as many networks as there are sign-ups, told by a proxy.

    python bench/sign_ups.py                         # 200 a second for two minutes, 5,000 emails due
    python bench/sign_ups.py --seconds 20
    python bench/sign_ups.py --beat 0                # what the work alone takes

Each sign-up is a POST to the API for another address; its confirmation leaves like every email, to a fake
SendGrid 50 ms away that runs in a process of its own. Sign-ups leave at their times whether the ones before
are answered or not, and the wait counts from there. Trust ratios between runs on one machine, not digits.
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import os
import resource
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from people import SEQUENCE
from rich.console import Console
from rich.table import Table
from sends import _fake, migrated_database

from runup.application import Application
from runup.settings import Settings

CLIENTS = 64
"""Connections: how many sign-ups may wait for their answers at once."""


@dataclass(frozen=True)
class Result:
    seconds: float
    sign_ups: int
    errors: int
    sign_ups_per_second: float
    beat_ms: float
    wait_p50_ms: float
    wait_p99_ms: float
    wait_p999_ms: float
    wait_worst_ms: float
    due_before: int
    sent_meanwhile: int
    cpu_ms_per_sign_up: float
    peak_memory_mb: float
    load_before: float


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--rate", type=float, default=200.0, help="sign-ups a second")
    parser.add_argument("--due", type=int, default=5000, help="emails that are due when it begins")
    parser.add_argument("--latency", type=float, default=50.0, help="of the fake, in milliseconds")
    parser.add_argument("--beat", type=float, default=None, help="milliseconds; the site's own if left out")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args(arguments)
    result = measure(options)
    _print(result)
    if options.json:
        options.json.write_text(json.dumps(asdict(result), indent=2) + "\n")
    if result.errors:
        sys.exit(f"{result.errors} sign-ups were not taken")


def measure(options: argparse.Namespace) -> Result:
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder, migrated_database("sqlite", Path(folder)) as url:
        log = Path(folder) / "accepted.jsonl"
        log.touch()
        with _fake(log, options.latency) as host:
            settings = _settings(folder, url, host)
            _make_due(settings, options.due)
            spawn = multiprocessing.get_context("spawn")
            ours, its = spawn.Pipe()
            site = spawn.Process(target=_serve, args=(settings, options.beat, its))
            site.start()
            address = ours.recv()
            began = time.monotonic()
            answers = _sign_up(address, count=int(options.rate * options.seconds), rate=options.rate)
            seconds = time.monotonic() - began
            sent = len(log.read_text().splitlines())
            ours.send("stop")
            cpu, memory, beat = ours.recv()
            site.join()
    waits = sorted(wait for status, wait in answers if status == 202)
    return Result(
        seconds=round(seconds, 1),
        sign_ups=len(waits),
        errors=len(answers) - len(waits),
        sign_ups_per_second=round(len(waits) / seconds, 1),
        beat_ms=beat * 1000,
        wait_p50_ms=_milliseconds(waits, 0.5),
        wait_p99_ms=_milliseconds(waits, 0.99),
        wait_p999_ms=_milliseconds(waits, 0.999),
        wait_worst_ms=_milliseconds(waits, 1.0),
        due_before=options.due,
        sent_meanwhile=sent,
        cpu_ms_per_sign_up=round(cpu / max(1, len(waits)) * 1000, 2),
        peak_memory_mb=round(memory / 1024),
        load_before=round(load, 1),
    )


def _settings(folder: str, url: str, host: str) -> dict[str, Any]:
    return {
        "home": Path(folder),
        "database": url,
        "secret_keys": ("k" * 40,),
        "suppression_key": "s" * 40,
        "provider": "sendgrid",
        "sendgrid_api_key": "SG.bench",
        "sendgrid_host": host,
        "trusted_proxies": ("127.0.0.1",),
    }


def _make_due(settings: dict[str, Any], count: int) -> None:
    """People who have just confirmed: each is due the welcome."""
    from scheduler import reconcile
    from subscribers import SignUp, confirm, sign_up

    application, now = Application.open(Settings(**settings)), datetime.now(UTC)
    for first in range(0, count, 100):
        with application.database.write() as session:
            for number in range(first, min(first + 100, count)):
                form = SignUp.parse(_fields(f"due{number}") | {"consent": "yes"}, now=now)
                interview = sign_up(
                    session, form, campaign=SEQUENCE, hmac_key=application.hmac_key, now=now, source="form"
                )
                confirm(session, interview, now=now)
                reconcile(session, interview.subscriber_id, catalog=application.catalog, now=now)
    application.close()


def _fields(name: str) -> dict[str, Any]:
    return {
        "email": f"{name}@example.com",
        "first_name": "Sam",
        "interview_date": (datetime.now(UTC) + timedelta(days=10)).date().isoformat(),
        "interview_time": "14:00",
        "home_zone": "America/St_Johns",
        "mode": "video",
    }


def _serve(settings: dict[str, Any], beat: float | None, pipe: Any) -> None:
    """Site and worker as `runup serve` runs them; what they cost goes into the pipe when told to stop."""
    from runup.serving import Site, listen, working
    from runup.web import even_answers

    if beat is not None:
        even_answers.BEAT = beat / 1000
    application = Application.open(Settings(**settings))
    # Compiling the emails is no part of it: a site that runs has done it.
    application.catalog.renderer(SEQUENCE)
    with listen("127.0.0.1", 0) as listener, working(application, resume=True):
        site = Site(application, listener)
        site.start()
        before = resource.getrusage(resource.RUSAGE_SELF)
        pipe.send(f"http://127.0.0.1:{listener.getsockname()[1]}")
        pipe.recv()
        after = resource.getrusage(resource.RUSAGE_SELF)
        site.stop()
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    pipe.send((cpu, after.ru_maxrss, even_answers.BEAT))
    application.close()


def _sign_up(address: str, *, count: int, rate: float) -> list[tuple[int, float]]:
    """Status of each answer, and the seconds since its sign-up was to leave."""
    parts, local = urlsplit(address), threading.local()
    began = time.monotonic() + 0.5

    def send(number: int) -> tuple[int, float]:
        due = began + number / rate
        time.sleep(max(0.0, due - time.monotonic()))
        if not hasattr(local, "connection"):
            local.connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        body = json.dumps(_fields(f"person{number}") | {"consent": True})
        headers = {
            "Content-Type": "application/json",
            "X-Forwarded-For": f"2001:db8:{number >> 16:x}:{number & 0xFFFF:x}::1",
        }
        try:
            local.connection.request("POST", "/api/sign-ups", body, headers)
            answer = local.connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            local.connection.close()
            return 0, time.monotonic() - due
        return answer.status, time.monotonic() - due

    with ThreadPoolExecutor(CLIENTS) as threads:
        return list(threads.map(send, range(count)))


def _milliseconds(waits: list[float], share: float) -> float:
    return round(waits[min(len(waits) - 1, int(len(waits) * share))] * 1000, 1) if waits else 0.0


def _print(result: Result) -> None:
    table = Table(title=f"{result.sign_ups:,} sign-ups in {result.seconds:g} s while emails leave, on SQLite")
    for name in ("", "median", "99 of 100", "999 of 1000", "worst"):
        table.add_column(name, justify="right")
    waits = (result.wait_p50_ms, result.wait_p99_ms, result.wait_p999_ms, result.wait_worst_ms)
    table.add_row("answered after", *(f"{wait:.0f} ms" for wait in waits))
    Console().print(
        table,
        f"{result.sign_ups_per_second:g} a second, {result.errors} errors; answers on a beat of "
        f"{result.beat_ms:g} ms; {result.sent_meanwhile:,} emails left ({result.due_before:,} were due); "
        f"{result.cpu_ms_per_sign_up} ms of processor time per sign-up, emails included; "
        f"{result.peak_memory_mb} MB at most; load {result.load_before:g} before",
    )


if __name__ == "__main__":
    main(sys.argv[1:])
