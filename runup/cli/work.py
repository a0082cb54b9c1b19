"""`runup work`."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from contextlib import ExitStack
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event as Signal
from threading import Event

from runup.application import Application
from runup.cli.errors import BadInput, Failed
from runup.cli.opening import logs_of, opened
from runup.cli.stops import say_stop_at_start
from runup.cli.terminal import say
from runup.serving import arrive_at, until_told, working


def work(*, processes: int = 1, resume: bool = False) -> None:
    """Run workers only. Ctrl-C or SIGTERM ends them: what is on the wire may finish (20 s).

    Parameters
    ----------
    processes
        How many on this machine; on SQLite there is one. More machines may run more.
    resume
        Start although nobody was at work for long, the machine is another, the database an older one, or a
        worker stopped by itself: you have looked, and nobody works on another copy.
    """
    if processes < 1:
        raise BadInput("--processes: must be 1 or more")
    with opened() as application:
        logs_of(application.settings)
        if application.database.is_sqlite and processes > 1:
            raise BadInput("--processes: on SQLite there is one worker; move to PostgreSQL for more")
        if processes == 1:
            _work(application, resume=resume)
            return
        arrive_at(application, resume=resume)
        say_stop_at_start(application)
    _work_many(processes)


def _work(application: Application, *, resume: bool) -> None:
    with (
        until_told() as told,
        working(application, resume=resume, on_arrival=lambda: say_stop_at_start(application)),
    ):
        say("Working; Ctrl-C ends it.")
        told.wait()


def _work_alone(ending: Signal) -> None:
    """One of several processes, each with its own connections. It ends when it is told so, itself or through
    `ending`, and when the one that started it is gone."""
    parent = multiprocessing.parent_process()
    with ExitStack() as stack:
        application = stack.enter_context(opened())
        logs_of(application.settings)
        told = stack.enter_context(until_told())
        stack.enter_context(working(application))
        while not (told.wait(0.5) or ending.is_set()):
            if parent is not None and not parent.is_alive():
                return


def _work_many(count: int) -> None:
    """Start them, pass the word on, and wait for all. One that dies by itself ends the others: whatever
    watches over us then starts all of them again."""
    context = multiprocessing.get_context("spawn")
    # No signal to pass the word on: a terminal and a service manager send theirs to all of us, and the second
    # one would end a worker in the middle of its calls.
    ending = context.Event()
    workers = [
        context.Process(target=_work_alone, args=(ending,), name=f"worker-{number}")
        for number in range(count)
    ]
    with until_told(at_once=lambda: _kill(workers)) as told:
        for worker in workers:
            worker.start()
        say(f"{count} workers; Ctrl-C ends them.")
        dead = _first_dead(workers, told)
        ending.set()
        for worker in workers:
            worker.join()
    if dead is not None:
        raise Failed(f"{dead.name} ended by itself (exit code {dead.exitcode}); the lines above say why")


def _kill(workers: Sequence[BaseProcess]) -> None:
    for worker in workers:
        if worker.is_alive():
            worker.kill()


def _first_dead(workers: Sequence[BaseProcess], told: Event) -> BaseProcess | None:
    while not told.wait(0.5):
        for worker in workers:
            if not worker.is_alive():
                return worker
    return None
