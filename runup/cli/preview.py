"""`runup preview`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from runup.application import system_clock
from runup.cli.shelf import catalog_of, known_key, require_step
from runup.cli.terminal import progress, say
from runup.gallery import Gallery, write_gallery
from runup.providing import sender_of
from runup.settings import Settings


def preview(
    campaign: Annotated[
        str,
        Parameter(
            name="CAMPAIGN",
            help="Its key; the one of the settings if left out. LIST/NAME is an issue of a newsletter.",
        ),
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
    if "/" in campaign:
        from runup.cli.newsletters_write import preview as preview_issue

        preview_issue(campaign, export=export, port=port)
        return
    settings = Settings.load()
    key, catalog = known_key(settings, campaign), catalog_of(settings)
    require_step(catalog, key, step)
    total = (1 if step else len(catalog.sequence(key).steps)) * len(catalog.languages(key))
    with progress("Rendering", total, unit="emails") as advance:
        gallery = Gallery(
            catalog, key, sender=sender_of(settings), now=system_clock(), step=step, done=advance
        )
    show_gallery(gallery, export, port)


def show_gallery(gallery: Gallery, export: Path | None, port: int, *, can_try: bool = True) -> None:
    """As files in the folder `export`, or served until Ctrl-C."""
    if export is not None:
        export.mkdir(parents=True, exist_ok=True)
        say(f"{write_gallery(gallery, export)} wordings in {export}; open {export / 'index.html'}.")
        return
    _serve(gallery, port, can_try=can_try)


def _serve(gallery: Gallery, port: int, *, can_try: bool) -> None:
    import uvicorn

    from runup.gallery.app import create_gallery
    from runup.serving import listen

    listener = listen("127.0.0.1", port)
    config = uvicorn.Config(
        create_gallery(gallery, can_try=can_try),
        access_log=False,
        log_config=None,
        log_level="warning",
        lifespan="off",
        server_header=False,
    )
    say(f"Look at http://127.0.0.1:{listener.getsockname()[1]}/ (Ctrl-C ends it).")
    uvicorn.Server(config).run(sockets=[listener])
