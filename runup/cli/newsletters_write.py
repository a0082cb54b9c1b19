"""`runup newsletters new`, `check`, `preview`, `send-test`."""

from __future__ import annotations

import secrets
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from campaigns.errors import CampaignError
from campaigns.finding import Finding, summary
from campaigns.issue_scaffolding import scaffold_issue
from runup.application import system_clock
from runup.cli.errors import BadInput
from runup.cli.issue_shelf import FOLDER, Issue, IssueShelf
from runup.cli.shelf import catalog_of
from runup.cli.terminal import print_json, progress, say
from runup.settings import Settings
from runup.workspace import nearest
from subscribers import parse_address


def new(
    issue: Annotated[str, Parameter(name="ISSUE", help="LIST/NAME; NAME alone where there is one list.")],
    /,
    *,
    subject: str = "",
    mjml: bool = False,
) -> None:
    """Begin an issue: a file with a head and some words to write over.

    Parameters
    ----------
    subject
        What its head says; made of the name if left out.
    mjml
        A .mjml file and a .txt file in place of one in Markdown, for a layout of your own.
    """
    settings = Settings.load()
    shelf = IssueShelf(settings)
    list_key, _, slug = issue.rpartition("/")
    if not list_key and len(shelf.lists) != 1:
        raise BadInput(f"say which list it is for, as in {next(iter(shelf.lists))}/{slug}")
    found = shelf.list_of(list_key or next(iter(shelf.lists)))
    files = scaffold_issue(shelf.folder, found.key, slug, subject=subject, is_mjml=mjml)
    say(f"Made {' and '.join(f'{FOLDER}/{found.key}/{file}' for file in files)}.")
    say(f"Next: write it, then runup newsletters check {slug}.")


def check(issue: Issue = "", /, *, clients: bool = False, json: bool = False) -> int:
    """Render an issue in every branch and say what is wrong; all issues if none is named.

    Parameters
    ----------
    clients
        Also say which mail clients do not support the CSS in use, as notes.
    json
        Print JSON: severity, file, line, message.
    """
    shelf = IssueShelf(Settings.load())
    names = shelf.those(issue)
    found: list[Finding] = []
    with progress("Checking", len(names), unit="issues") as advance:
        for list_key, slug in names:
            try:
                found += shelf.check(shelf.read(list_key, slug), with_notes=clients)
            except CampaignError as error:
                found.append(Finding.of(error))
            advance(1)
    if json:
        keys = ("severity", "file", "line", "message")
        print_json([{name: getattr(finding, name) for name in keys} for finding in found])
    else:
        say(*map(str, found))
        say(f"{len(names)} issue{'' if len(names) == 1 else 's'}: {summary(found)}")
    return 1 if any(finding.severity == "error" for finding in found) else 0


def preview(issue: Issue = "", /, *, export: Path | None = None, port: int = 8001) -> None:
    """Look at an issue in every branch, light and dark, phone and desk; at all of them if none is named.

    Parameters
    ----------
    export
        A folder for the files, made if missing; nothing is served then.
    port
        Where the pages are served, on this machine only; 0 takes a free one.
    """
    from runup.cli.preview import show_gallery
    from runup.gallery.issues import IssueGallery
    from runup.providing import sender_of

    settings = Settings.load()
    shelf = IssueShelf(settings)
    names = shelf.those(issue)
    if not names:
        raise BadInput("there is no issue yet; `runup newsletters new` makes one")
    with progress("Rendering", len(names), unit="issues") as advance:
        gallery = IssueGallery(catalog_of(settings), sender=sender_of(settings), now=system_clock())
        for list_key, slug in names:
            written = shelf.read(list_key, slug)
            gallery.add(written, shelf.compile(written))
            advance(1)
    show_gallery(gallery, export, port, can_try=False)


def send_test(issue: Issue, address: str, /, *, branch: int = 1, variant: str = "") -> None:
    """Send an issue to yourself, through the provider of the settings. Its links are samples.

    Parameters
    ----------
    address
        Where it goes; an allow-list holds here too.
    branch
        Which sample reader: the number that `runup newsletters preview` shows.
    variant
        Which variant of an issue that has some; the first one if left out.
    """
    from runup.gallery.issues import IssueGallery
    from runup.providing import open_provider_of, sender_of

    settings = Settings.load()
    shelf = IssueShelf(settings)
    recipient = parse_address(address)
    written = shelf.read(*shelf.find(issue))
    gallery = IssueGallery(catalog_of(settings), sender=sender_of(settings), now=system_clock())
    gallery.add(written, shelf.compile(written))
    keys = [one.variant.key for one in gallery.shelves if one.variant]
    if variant and variant not in keys:
        there = nearest(variant, keys) or (f"; there is: {', '.join(keys)}" if keys else "; it has none")
        raise BadInput(f"--variant: {written.slug} has no variant {variant!r}{there}")
    mine = gallery.shelves[keys.index(variant) if variant else 0]
    email = next(
        (one.email for one in mine.wordings if branch in {number for number, _ in one.branches}), None
    )
    if email is None:
        hint = f"runup newsletters preview {written.slug} shows which there are"
        raise BadInput(f"--branch: there is no sample reader {branch}; {hint}")
    subject, reference = f"[test] {email.subject}", secrets.token_hex(16)
    email = replace(email, recipient=recipient, subject=subject, reference=reference)
    with closing(open_provider_of(settings)) as provider:
        accepted = provider.deliver(email)
    where = f" ({settings.outbox_folder})" if settings.provider == "outbox" else ""
    code = f", code {accepted.status}" if accepted.status else ""
    say(f"The {settings.provider} provider{where} took “{email.subject}”{code}.")
