"""How long a sign-up waits while emails leave: a running site and its worker on SQLite, and visitors who sign
up at a steady rate, each for an address of their own from a network of their own, as a proxy tells it.

    python bench/sign_ups.py                         # 200 a second for two minutes, 5,000 emails due
    python bench/sign_ups.py --seconds 20
    python bench/sign_ups.py --beat 0                # what the work alone takes

Site and worker share a process, as `runup serve` has them. Each sign-up is a POST to the API; its
confirmation leaves like every email, to a fake SendGrid 50 ms away that runs in a process of its own, as the
visitors do. Sign-ups leave at their times whether the ones before are answered or not, and the wait counts
from there. Afterwards every sign-up that was answered must be in the database: one person, one interview,
one confirmation. Trust ratios between runs on one machine, not digits.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from people import SEQUENCE
from rich.console import Console
from rich.table import Table
from sends import _fake, migrated_database
from sqlalchemy import func, select
from visitors import Tale, fields, requests, visit

from runup.application import Application
from runup.cli.opening import logs_of
from runup.database import Database
from runup.settings import Settings

BATCH = 200


@dataclass(frozen=True)
class Kept:
    """What the database has of the visitors."""

    people: int
    interviews: int
    confirmations: int
    left: int
    """Confirmations the provider has taken."""
    not_once: int
    """People who have not exactly one interview and one confirmation."""


@dataclass(frozen=True)
class Result:
    seconds: float
    sign_ups: int
    errors: dict[str, int]
    sign_ups_per_second: float
    slowest_ten_seconds: float
    beat_ms: float
    wait_p50_ms: float
    wait_p99_ms: float
    wait_p999_ms: float
    wait_worst_ms: float
    connections: int
    due_before: int
    sent_meanwhile: int
    copies: int
    cpu_ms_per_sign_up: dict[str, float]
    peak_memory_mb: float
    load_before: float
    kept: Kept


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
    kept = result.kept
    if result.errors or result.copies or kept.not_once or kept.people != result.sign_ups:
        sys.exit("not every sign-up was answered and kept exactly once")


def measure(options: argparse.Namespace) -> Result:
    load, count = os.getloadavg()[0], int(options.rate * options.seconds)
    with ExitStack() as stack:
        # Not in memory: every answer and every intent waits for the disk.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR"))))
        url = stack.enter_context(migrated_database("sqlite", folder))
        log = folder / "accepted.jsonl"
        log.touch()
        settings = _settings(folder, url, stack.enter_context(_fake(log, options.latency)))
        _make_due(settings, options.due)
        serving = stack.enter_context(_running(settings, options.beat))
        port = serving.recv()
        tale = _visited(port, count, options.rate)
        sent = len(log.read_bytes().splitlines())
        cost = _stop(serving)
        kept = _kept(url)
        copies = [json.loads(line)["mid"] for line in log.read_bytes().splitlines()]
    waits = sorted(tale.waits)
    cpu = {"site and worker": cost["cpu"], "visitors": tale.cpu}
    return Result(
        seconds=round(tale.seconds, 1),
        sign_ups=len(waits),
        errors=dict(Counter(tale.errors)),
        sign_ups_per_second=round(len(waits) / tale.seconds, 1),
        slowest_ten_seconds=_slowest(tale.per_second[: int(options.seconds)]),
        beat_ms=cost["beat"] * 1000,
        wait_p50_ms=_milliseconds(waits, 0.5),
        wait_p99_ms=_milliseconds(waits, 0.99),
        wait_p999_ms=_milliseconds(waits, 0.999),
        wait_worst_ms=_milliseconds(waits, 1.0),
        connections=tale.connections,
        due_before=options.due,
        sent_meanwhile=sent,
        copies=len(copies) - len(set(copies)),
        cpu_ms_per_sign_up={
            name: round(seconds / max(1, len(waits)) * 1000, 2) for name, seconds in cpu.items()
        },
        peak_memory_mb=round(cost["memory"] / 1024),
        load_before=round(load, 1),
        kept=kept,
    )


def _settings(folder: Path, url: str, host: str) -> dict[str, Any]:
    return {
        "home": folder,
        "database": url,
        "secret_keys": ("k" * 40,),
        "suppression_key": "s" * 40,
        "provider": "sendgrid",
        "sendgrid_api_key": "SG.bench",
        "sendgrid_host": host,
        # The visitors' networks are told by a proxy of ours: the limits per network stay as they are.
        "trusted_proxies": ("127.0.0.1",),
    }


def _make_due(settings: dict[str, Any], count: int) -> None:
    """People who have just confirmed: each is due the welcome."""
    from scheduler.reconcile_many import reconcile_many
    from subscribers import Interview, SignUp, confirm
    from subscribers.arriving import Arrival, sign_up_together

    application, now = Application.open(Settings(**settings)), datetime.now(UTC)
    for first in range(0, count, BATCH):
        with application.database.write() as session:
            forms = [
                SignUp.parse(fields(f"due{number}", _interview_on()) | {"consent": "yes"}, now=now)
                for number in range(first, min(first + BATCH, count))
            ]
            sent = [Arrival(form=form, source="form") for form in forms]
            key = application.hmac_key
            people = sign_up_together(session, sent, campaign=SEQUENCE, hmac_key=key, now=now)
            for interview in session.scalars(select(Interview).where(Interview.subscriber_id.in_(people))):
                confirm(session, interview, now=now)
            reconcile_many(session, people, catalog=application.catalog, now=now)
    application.close()


def _interview_on() -> Any:
    return (datetime.now(UTC) + timedelta(days=10)).date()


@contextmanager
def _running(settings: dict[str, Any], beat: float | None) -> Iterator[Connection]:
    spawn = multiprocessing.get_context("spawn")
    ours, its = spawn.Pipe()
    process = spawn.Process(target=_serve, args=(settings, beat, its))
    process.start()
    yield ours
    process.join()


def _serve(settings: dict[str, Any], beat: float | None, pipe: Connection) -> None:
    """What `runup serve` runs; what it cost goes into the pipe when told to stop."""
    from runup.serving import Site, listen, working
    from runup.web import even_answers

    if beat is not None:
        even_answers.BEAT = beat / 1000
    application = Application.open(Settings(**settings))
    logs_of(application.settings.model_copy(update={"log_level": "warning"}))
    # Compiling the emails is no part of it: a site that runs has done it.
    application.catalog.renderer(SEQUENCE)
    with listen("127.0.0.1", 0) as listener, working(application, resume=True):
        site = Site(application, listener)
        site.start()
        before = resource.getrusage(resource.RUSAGE_SELF)
        pipe.send(listener.getsockname()[1])
        pipe.recv()
        after = resource.getrusage(resource.RUSAGE_SELF)
        site.stop()
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    pipe.send({"cpu": cpu, "memory": after.ru_maxrss, "beat": even_answers.BEAT})
    application.close()


def _stop(pipe: Connection) -> dict[str, float]:
    pipe.send("stop")
    found: dict[str, float] = pipe.recv()
    return found


def _visited(port: int, count: int, rate: float) -> Tale:
    spawn = multiprocessing.get_context("spawn")
    ours, its = spawn.Pipe()
    process = spawn.Process(target=_visit, args=(port, count, rate, its))
    process.start()
    tale: Tale = ours.recv()
    process.join()
    return tale


def _visit(port: int, count: int, rate: float, pipe: Connection) -> None:
    pipe.send(visit("127.0.0.1", port, requests(count, _interview_on()), rate))


def _kept(url: str) -> Kept:
    from scheduler import Send
    from subscribers import Interview, Subscriber

    database = Database(url)
    visitors = select(Subscriber.id).where(Subscriber.address.like("person%"))
    with database.read() as session:
        people = session.scalar(select(func.count()).select_from(visitors.subquery())) or 0
        interviews = select(Interview.subscriber_id, func.count()).where(
            Interview.subscriber_id.in_(visitors)
        )
        sends = select(Send.subscriber_id, func.count()).where(
            Send.subscriber_id.in_(visitors), Send.step == "confirm"
        )
        told = dict(session.execute(interviews.group_by(Interview.subscriber_id)).all())
        asked = dict(session.execute(sends.group_by(Send.subscriber_id)).all())
        left = session.scalar(
            select(func.count()).where(
                Send.subscriber_id.in_(visitors), Send.step == "confirm", Send.left_at.is_not(None)
            )
        )
    database.close()
    return Kept(
        people=people,
        interviews=sum(told.values()),
        confirmations=sum(asked.values()),
        left=left or 0,
        not_once=sum(told.get(who) != 1 or asked.get(who) != 1 for who in {*told, *asked})
        + people
        - len({*told, *asked}),
    )


def _told(errors: dict[str, int]) -> str:
    return ", ".join(f"{count} times {why!r}" for why, count in errors.items()) or "no errors"


def _slowest(per_second: list[int]) -> float:
    spans = [per_second[first : first + 10] for first in range(max(1, len(per_second) - 9))]
    return min((round(sum(span) / len(span), 1) for span in spans if span), default=0.0)


def _milliseconds(waits: list[float], share: float) -> float:
    return round(waits[min(len(waits) - 1, int(len(waits) * share))] * 1000, 1) if waits else 0.0


def _print(result: Result) -> None:
    table = Table(title=f"{result.sign_ups:,} sign-ups in {result.seconds:g} s while emails leave, on SQLite")
    for name in ("", "median", "99 of 100", "999 of 1000", "worst"):
        table.add_column(name, justify="right")
    waits = (result.wait_p50_ms, result.wait_p99_ms, result.wait_p999_ms, result.wait_worst_ms)
    table.add_row("answered after", *(f"{wait:.0f} ms" for wait in waits))
    kept = result.kept
    cpu = ", ".join(f"{name} {each:g} ms" for name, each in result.cpu_ms_per_sign_up.items())
    console = Console()
    console.print(table)
    for line in (
        f"{result.sign_ups_per_second:g} a second over the whole time, {result.slowest_ten_seconds:g} in the "
        f"slowest ten seconds; {_told(result.errors)}; {result.connections} connections; answers on a beat "
        f"of {result.beat_ms:g} ms",
        f"{result.sent_meanwhile:,} emails left meanwhile ({result.due_before:,} were due before), "
        f"{result.copies} of them twice",
        f"in the database: {kept.people:,} people, {kept.interviews:,} interviews, {kept.confirmations:,} "
        f"confirmations ({kept.left:,} have left); {kept.not_once} people not exactly once",
        f"processor time per sign-up, emails included: {cpu}; {result.peak_memory_mb:g} MB at most; load "
        f"{result.load_before:g} before",
    ):
        console.print(line)


if __name__ == "__main__":
    main(sys.argv[1:])
