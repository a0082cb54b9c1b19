"""From the files somebody has edited, or a version of before, to what applying them would change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from campaigns.applied_catalog import Applied, applied, with_files
from campaigns.catalog import Words, words_of
from campaigns.checking import check_campaign
from campaigns.errors import CampaignError
from campaigns.finding import summary
from campaigns.rewording import Rewording
from campaigns.source_files import CampaignFiles
from campaigns.version import read_version
from runup.application import Application
from runup.cli.errors import BadInput, Failed
from runup.cli.shelf import base_of
from runup.cli.terminal import progress
from scheduler.agreed_plan import AgreedPlan, Ends
from scheduler.impact import Effect, Impact
from scheduler.weighing import Proposal, people_on, weigh


@dataclass(frozen=True)
class Offer:
    """Files that could become the next version of a campaign."""

    ends: Ends
    files: CampaignFiles
    before: CampaignFiles | None
    """Those of the version in force; None when they cannot be read any more."""
    proposal: Proposal
    people: int
    copy_of: int | None = None


def offer(application: Application, key: str, *, to: int | None = None) -> Offer | None:
    """What would be applied: the files as they are, once they pass the check, or those of version `to`.

    None when these are the files in force. Raises BadInput for a version that does not exist and for a
    campaign nobody has seen yet, Failed when the check finds an error.
    """
    with application.database.read() as session:
        shelf = applied(session, application.catalog)
        if not shelf.number(key):
            raise BadInput(
                f"{key} has no version yet; its files become version 1 by themselves when somebody signs up "
                "or a worker starts"
            )
        files = _version(session, key, to) if to is not None else application.catalog.files(key)
        people = people_on(session, key)
    before = _in_force(shelf, key)
    if before and before.version == files.version:
        return None
    if to is None:
        _require_good(application, key)
    after = with_files(shelf, files)
    words = Rewording(
        _words(before, application), words_of(files, application.brand, run=application.catalog.run)
    )
    return Offer(
        ends=Ends(key, shelf.number(key), before.version if before else "", files.version),
        files=files,
        before=before,
        proposal=Proposal(key, shelf if before else after, after, words),
        people=people,
        copy_of=to,
    )


def weighed(
    application: Application, of: Offer, *, told: Callable[[Effect], None] = lambda _: None
) -> tuple[Impact, AgreedPlan]:
    """What it changes, person by person, and the plan's name."""
    with progress("Planning", of.people, unit="people") as advance:
        impact = weigh(application.database, of.proposal, now=application.clock(), advance=advance, told=told)
    return impact, AgreedPlan.of(of.ends, impact)


def _version(session: Session, key: str, number: int) -> CampaignFiles:
    files = read_version(session, key, number)
    if files is None:
        raise BadInput(f"{key} has no version {number}; see `runup campaigns history {key}`")
    return files


def _in_force(shelf: Applied, key: str) -> CampaignFiles | None:
    try:
        shelf.sequence(key)
        return shelf.files(key)
    except CampaignError:
        return None  # another version is the way out


def _require_good(application: Application, key: str) -> None:
    found = check_campaign(
        application.catalog.folder(key),
        base=base_of(application.settings),
        today=application.clock().date(),
        counts_clicks=application.settings.count_clicks,
        run=application.catalog.run,
    )
    errors = [str(finding).replace(" error: ", " ") for finding in found if finding.severity == "error"]
    if errors:
        raise Failed("\n".join([*errors, f"{key}: {summary(found)}; nothing was changed"]))


def _words(files: CampaignFiles | None, application: Application) -> Words | None:
    try:
        return words_of(files, application.brand, run=application.catalog.run) if files else None
    except CampaignError:
        return None
