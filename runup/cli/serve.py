"""`runup serve`."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack, nullcontext
from threading import Event
from typing import Annotated

from cyclopts import Parameter

from runup.application import Application
from runup.cli.errors import Failed
from runup.cli.opening import first_start, logs_of
from runup.cli.stops import say_stop_at_start
from runup.cli.terminal import say
from runup.database import require_newest
from runup.serving import Site, listen, until_told, working
from runup.settings import Settings
from runup.workspace import create_secrets

Worker = Annotated[bool | None, Parameter(negative="--no-worker")]


def serve(*, host: str = "", port: int | None = None, worker: Worker = None, resume: bool = False) -> int:
    """Run the site, and on SQLite the worker with it.

    Ctrl-C or SIGTERM ends it: what is on the wire may finish. The first start on SQLite makes secrets.toml
    and the database. On PostgreSQL run workers with `runup work`.

    Parameters
    ----------
    host
        The network address to listen on; the one of the settings if left out.
    port
        The port; the one of the settings if left out, 0 takes a free one.
    worker
        Run a worker too, or not: --worker, --no-worker. Left out: on SQLite only.
    resume
        Start although nobody was at work for long, the machine is another, the database an older one, or a
        worker stopped by itself: you have looked, and nobody works on another copy.
    """
    settings = _settings()
    logs_of(settings)
    application = Application.open(settings)
    try:
        first_start(application.database)
        require_newest(application.database)
        with_worker = application.database.is_sqlite if worker is None else worker
        return _serve(
            application, host or settings.host, settings.port if port is None else port, with_worker, resume
        )
    finally:
        application.close()


def _settings() -> Settings:
    """The settings; on SQLite the first start makes the secrets."""
    settings = Settings.load()
    is_first = not settings.secret_keys and settings.database_url.startswith("sqlite")
    return Settings.load(settings.home) if is_first and create_secrets(settings.home) else settings


def _serve(application: Application, host: str, port: int, with_worker: bool, resume: bool) -> int:
    with ExitStack() as stack:
        told = stack.enter_context(until_told())
        try:
            listener = stack.enter_context(listen(host, port))
        except OSError as error:
            raise Failed(f"cannot listen on {host}:{port}: {error.strerror}; see --host and --port") from None
        if with_worker:
            stack.enter_context(
                working(application, resume=resume, on_arrival=lambda: say_stop_at_start(application))
            )
        metrics = stack.enter_context(_exposing(application))
        site = Site(application, listener)
        site.start()
        stack.callback(site.stop)
        here = f"http://{host}:{listener.getsockname()[1]}/"
        say(f"Site: {here} (links begin with {application.brand.site_url}/)")
        say("Worker: runs here." if with_worker else "Worker: none here; `runup work` runs workers.")
        if metrics:
            say(f"Metrics: http://{metrics}/metrics, for whoever reaches it.")
        say("Ctrl-C ends it.")
        return _wait(told, site)


def _exposing(application: Application) -> AbstractContextManager[str]:
    """Prometheus' library is loaded only where somebody asked for it."""
    if not application.settings.metrics_listen:
        return nullcontext("")
    from runup.metrics import exposing

    return exposing(application, application.settings.metrics_listen)


def _wait(told: Event, site: Site) -> int:
    while not told.wait(0.5):
        if not site.is_running:
            raise Failed("the site has stopped by itself; the lines above say why")
    return 0
