"""How long SendGrid waits for its acknowledgement: signed POSTs of many events to a running site, each
answered once its events are committed.

    python bench/webhook.py --posts 500 --events 1000 --rate 50
    python bench/webhook.py --database postgresql
    python bench/webhook.py --flood 500          # forged posts a second meanwhile

The site runs in a process of its own. POSTs leave at their times whether the ones before are answered or not,
and the wait counts from there. Trust ratios between runs on one machine, not digits.
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import resource
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.table import Table
from sends import migrated_database

sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))

from sendgrid_events import Signer, body_of, build, post
from sendgrid_fake import Accept

PATH = "/webhooks/sendgrid"


@dataclass(frozen=True)
class Result:
    database: str
    posts: int
    events: int
    posts_per_second_wanted: float
    posts_per_second: float
    wait_p50_ms: float
    wait_p99_ms: float
    wait_worst_ms: float
    cpu_ms_per_post: float
    stored: int
    refused: int
    refused_per_second: float
    refused_p99_ms: float
    peak_memory_mb: float


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--posts", type=int, default=500)
    parser.add_argument("--events", type=int, default=1000, help="in each post")
    parser.add_argument("--rate", type=float, default=50.0, help="posts a second")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--flood", type=float, default=0.0, help="forged posts a second meanwhile")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args(arguments)
    result = measure(options)
    _print(result)
    if options.json:
        options.json.write_text(json.dumps(asdict(result), indent=2) + "\n")
    if result.stored != options.posts * options.events:
        sys.exit(f"expected {options.posts * options.events} records")


def measure(options: argparse.Namespace) -> Result:
    signer = Signer()
    with tempfile.TemporaryDirectory() as folder, migrated_database(options.database, Path(folder)) as url:
        spawn = multiprocessing.get_context("spawn")
        ours, its = spawn.Pipe()
        site = spawn.Process(target=_serve, args=(url, folder, signer.shown, its))
        site.start()
        address = ours.recv()
        posts = [_post(signer, number, options.events) for number in range(options.posts)]
        flood = _Flood(address, options.flood)
        flood.start()
        began = time.monotonic()
        waits = _send(address, posts, rate=options.rate)
        seconds = time.monotonic() - began
        flood.stop()
        ours.send("stop")
        cpu, memory, stored = ours.recv()
        site.join()
    return Result(
        database=options.database,
        posts=options.posts,
        events=options.events,
        posts_per_second_wanted=options.rate,
        posts_per_second=round(options.posts / seconds, 1),
        wait_p50_ms=_milliseconds(waits, 0.5),
        wait_p99_ms=_milliseconds(waits, 0.99),
        wait_worst_ms=_milliseconds(waits, 1.0),
        cpu_ms_per_post=round(cpu / options.posts * 1000, 1),
        stored=stored,
        refused=len(flood.waits),
        refused_per_second=round(len(flood.waits) / seconds),
        refused_p99_ms=_milliseconds(flood.waits, 0.99),
        peak_memory_mb=round(memory / 1024),
    )


def _serve(url: str, folder: str, key: str, pipe: Any) -> None:
    """The site as `runup serve` runs it; what it cost goes into the pipe when it is told to stop."""
    from pydantic import SecretStr
    from sqlalchemy import func, select

    from delivery.records import DeliveryRecord
    from runup.application import Application
    from runup.serving import Site, listen
    from runup.settings import Settings

    application = Application.open(
        Settings(
            home=Path(folder),
            database=url,
            secret_keys=(SecretStr("k" * 40),),
            suppression_key=SecretStr("s" * 40),
            sendgrid_webhook_keys=(key,),
        )
    )
    with listen("127.0.0.1", 0) as listener:
        site = Site(application, listener)
        site.start()
        pipe.send(f"http://127.0.0.1:{listener.getsockname()[1]}")
        before = resource.getrusage(resource.RUSAGE_SELF)
        pipe.recv()
        after = resource.getrusage(resource.RUSAGE_SELF)
        site.stop()
    with application.database.read() as session:
        stored = session.scalar(select(func.count()).select_from(DeliveryRecord))
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    pipe.send((cpu, after.ru_maxrss, stored))
    application.close()


def _post(signer: Signer, number: int, events: int) -> tuple[bytes, dict[str, str]]:
    now = time.time()
    emails = (
        Accept(f"{number:016x}{each:016x}", "1", f"person{each}@example.com", "", now, f"m{number}.{each}")
        for each in range(events)
    )
    body = body_of(build("delivered", email, at=now) for email in emails)
    return body, signer.headers(body, at=now)


def _send(address: str, posts: list[tuple[bytes, dict[str, str]]], *, rate: float) -> list[float]:
    """Seconds each acknowledgement took, from the moment its post was to leave."""
    began = time.monotonic() + 0.1

    def send(number: int) -> float:
        due = began + number / rate
        time.sleep(max(0.0, due - time.monotonic()))
        body, headers = posts[number]
        # A connection each: SendGrid posts from many servers.
        status = post(address, body, headers, timeout=120)
        if status != 200:
            raise RuntimeError(f"the site answered {status}")
        return time.monotonic() - due

    with ThreadPoolExecutor(32) as threads:
        return list(threads.map(send, range(len(posts))))


class _Flood:
    """Forged posts at a rate, by one thread, as long as it runs."""

    def __init__(self, address: str, rate: float) -> None:
        self.waits: list[float] = []
        self._address, self._rate = address, rate
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        if self._rate:
            self._thread.start()

    def stop(self) -> None:
        self._over.set()
        if self._rate:
            self._thread.join()

    def _run(self) -> None:
        connection = _connect(self._address)
        body, headers = _post(Signer(), 0, 1)
        began = time.monotonic()
        while not self._over.is_set():
            self._over.wait(max(0.0, began + len(self.waits) / self._rate - time.monotonic()))
            sent = time.monotonic()
            if _exchange(connection, body, headers) != 403:
                raise RuntimeError("a forged post was taken")
            self.waits.append(time.monotonic() - sent)


def _connect(address: str) -> http.client.HTTPConnection:
    parts = urlsplit(address)
    return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)


def _exchange(connection: http.client.HTTPConnection, body: bytes, headers: dict[str, str]) -> int:
    connection.request("POST", PATH, body, headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def _milliseconds(waits: list[float], share: float) -> float:
    return round(sorted(waits)[min(len(waits) - 1, int(len(waits) * share))] * 1000, 1) if waits else 0.0


def _print(result: Result) -> None:
    wanted = f"{result.posts_per_second_wanted:g} a second"
    table = Table(title=f"{result.posts} POSTs of {result.events} events, {wanted}, on {result.database}")
    for name in ("", "median", "99 of 100", "worst"):
        table.add_column(name, justify="right")
    waits = (result.wait_p50_ms, result.wait_p99_ms, result.wait_worst_ms)
    table.add_row("acknowledged after", *(f"{wait:.0f} ms" for wait in waits))
    if result.refused:
        table.add_row("forged ones refused after", "", f"{result.refused_p99_ms:.1f} ms", "")
    Console().print(
        table,
        f"{result.posts_per_second:g} POSTs a second, {result.cpu_ms_per_post} ms of processor time each; "
        f"{result.stored:,} records; {result.refused_per_second:,} forged POSTs a second; "
        f"{result.peak_memory_mb} MB at most",
    )


if __name__ == "__main__":
    main(sys.argv[1:])
