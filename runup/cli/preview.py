"""`runup preview`."""

from __future__ import annotations

import tempfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from campaigns import Catalog
from runup.cli.shelf import catalog_of, known_key, require_step
from runup.cli.terminal import progress, say
from runup.gallery import write_gallery
from runup.settings import Settings


def preview(
    campaign: Annotated[
        str, Parameter(name="CAMPAIGN", help="Its key; the one of the settings if left out.")
    ] = "",
    /,
    *,
    step: str = "",
    export: Path | None = None,
    port: int = 8001,
) -> None:
    """Look at every email in every branch: in a browser, or as files with --export.

    Parameters
    ----------
    step
        Only this email.
    export
        A folder for the files, made if missing; nothing is served then.
    port
        Where the pages are served, on this machine only; 0 takes a free one.
    """
    settings = Settings.load()
    key, catalog = known_key(settings, campaign), catalog_of(settings)
    require_step(catalog, key, step)
    if export is not None:
        export.mkdir(parents=True, exist_ok=True)
        count = _write(catalog, key, export, step)
        say(f"{count} wordings in {export}; open {export / 'index.html'}.")
        return
    with tempfile.TemporaryDirectory(prefix="runup-preview-") as folder:
        _write(catalog, key, Path(folder), step)
        _serve(folder, port)


def _write(catalog: Catalog, key: str, folder: Path, step: str) -> int:
    total = 1 if step else len(catalog.sequence(key).steps)
    with progress("Rendering", total, unit="emails") as advance:
        return write_gallery(catalog, key, folder, step=step, done=advance)


def _serve(folder: str, port: int) -> None:
    with ThreadingHTTPServer(("127.0.0.1", port), partial(_Quiet, directory=folder)) as server:
        say(f"Look at http://127.0.0.1:{server.server_port}/ (Ctrl-C ends it).")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            say("")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nobody needs to read which page was looked at."""
