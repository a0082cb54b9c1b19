"""`runup campaigns apply` and `rollback`."""

from __future__ import annotations

import getpass
from typing import Annotated, Any

from cyclopts import Parameter
from sqlalchemy import select

from campaigns.publishing import BaseChanged, publish, register
from campaigns.version import CampaignVersion
from runup.application import Application
from runup.cli.campaigns_plan import Key, nothing_to_do
from runup.cli.errors import BadInput
from runup.cli.opening import opened
from runup.cli.plan_words import sampled, say_plan
from runup.cli.proposing import Offer, offer, weighed
from runup.cli.shelf import stored_key
from runup.cli.terminal import print_json, progress, say
from scheduler.agreed_plan import AgreedPlan, PlanRefused
from scheduler.impact import Impact
from scheduler.replanning import Replanner
from scheduler.superseded import how_many
from scheduler.transaction import transact

Plan = Annotated[str, Parameter(name="--plan")]


def apply(
    campaign: Key = "", /, *, plan: Plan = "", most: int | None = None, note: str = "", by: str = "",
    json: bool = False,
) -> None:  # fmt: skip
    """Make the files as they are the version that counts, for every worker at once.

    Whoever has been planned by the version before is planned again; until that is done nothing of theirs
    leaves. Killed half way, it is gone on with by any worker. What has left is never sent again.

    Parameters
    ----------
    plan
        The name of the plan you have seen; needed where more people are affected than `--most`.
    most
        How many people may be affected without a plan, and how far things may have moved on since the plan
        was made; `apply_most` of the settings if left out.
    note
        Why, for `history`.
    by
        Who, for `history`; the name of your login if left out.
    json
        Print JSON: campaign, number, version, plan, planned_again and the counts of the plan.
    """
    with opened() as application:
        key = stored_key(application, campaign)
        _go(application, key, None, plan=plan, most=most, note=note, by=by, json=json)


def rollback(
    campaign: Key = "", /, *, to: int | None = None, plan: Plan = "", most: int | None = None,
    note: str = "", by: str = "", json: bool = False,
) -> None:  # fmt: skip
    """Apply the files of a version of before, under a new number.

    The same as `apply`, with the same need for a plan (`runup campaigns plan --to VERSION`). Your files stay
    as they are: put them right before you apply them the next time.

    Parameters
    ----------
    to
        The number of the version; the one before the newest if left out.
    plan
        The name of the plan you have seen; needed where more people are affected than `--most`.
    most
        How many people may be affected without a plan; `apply_most` of the settings if left out.
    note
        Why, for `history`.
    by
        Who, for `history`; the name of your login if left out.
    json
        Print JSON: campaign, number, version, plan, planned_again and the counts of the plan.
    """
    with opened() as application:
        key = stored_key(application, campaign)
        to = to or _the_one_before(application, key)
        _go(application, key, to, plan=plan, most=most, note=note, by=by, json=json)


def _go(
    application: Application, key: str, to: int | None, *, plan: str, most: int | None, json: bool,
    **words: str,
) -> None:  # fmt: skip
    if to is None and _is_first(application, key):
        number = _seen(application, key)
        print_json({"campaign": key, "number": number}) if json else say(
            f"{key} has its version {number} now."
        )
        return
    found = offer(application, key, to=to)
    if found is None:
        print_json({"campaign": key, "number": None}) if json else say(nothing_to_do(key, to))
        return
    impact, name = weighed(application, found)
    if not json:
        say_plan(found, impact, sampled(application, impact))
    _require_agreement(
        found, impact, name, plan, most=application.settings.apply_most if most is None else most
    )
    number = _publish(application, found, impact, **words)
    again = _plan_again(application, key, number)
    if json:
        told: dict[str, Any] = {"campaign": key, "number": number, "version": found.ends.version}
        print_json(told | {"plan": str(name), "planned_again": again, **impact.counts()})
    else:
        people = "1 person was" if again == 1 else f"{again:,} people were"
        say("", f"Version {number} of {key} is in force; {people} planned again.")


def _require_agreement(of: Offer, impact: Impact, name: AgreedPlan, plan: str, *, most: int) -> None:
    try:
        if plan:
            AgreedPlan.parse(plan).require(of.ends, impact, most=most)
        elif impact.affected > most:
            flag = f" --to {of.copy_of}" if of.copy_of else ""
            verb = "rollback" if of.copy_of else "apply"
            raise PlanRefused(
                f"{impact.affected:,} people are affected, more than {most:,}; nothing was changed. "
                f"If that is what you want: runup campaigns {verb} {of.ends.campaign}{flag} --plan {name}"
            )
    except PlanRefused as error:
        raise BadInput(str(error)) from None


def _publish(application: Application, of: Offer, impact: Impact, *, note: str, by: str) -> int:
    try:
        return transact(
            application.database,
            lambda session: (
                publish(
                    session,
                    of.ends.campaign,
                    of.files,
                    base=of.ends.base,
                    now=application.clock(),
                    by=by or _login(),
                    note=note,
                    copy_of=of.copy_of,
                    effect=impact.counts(),
                ).number
            ),
        )
    except BaseChanged:
        raise BadInput(
            f"somebody has applied another version of {of.ends.campaign} meanwhile; nothing was changed; "
            "look at it with `runup campaigns history`, and plan again"
        ) from None


def _plan_again(application: Application, key: str, number: int) -> int:
    """What workers would do as well; here, so that somebody can watch it and it needs no worker."""
    with application.database.read() as session:
        people = how_many(session, key, number=number)
    with progress("Planning again", people, unit="people") as advance:
        replanner = Replanner(
            database=application.database, catalog=application.catalog, clock=application.clock,
            stopping=lambda: False, planned=advance,
        )  # fmt: skip
        try:
            return replanner.of_old_versions()
        except KeyboardInterrupt:
            say(f"Version {number} is in force. A worker plans the others; nothing of theirs leaves before.")
            raise


def _the_one_before(application: Application, key: str) -> int:
    with application.database.read() as session:
        versions = session.execute(
            select(CampaignVersion.number, CampaignVersion.version)
            .where(CampaignVersion.campaign == key)
            .order_by(CampaignVersion.number.desc())
        ).all()
    for number, version in versions:
        if version != versions[0].version:
            return int(number)
    raise BadInput(f"{key} has had no other version; there is nothing to go back to")


def _is_first(application: Application, key: str) -> bool:
    with application.database.read() as session:
        return session.scalar(select(CampaignVersion.number).where(CampaignVersion.campaign == key)) is None


def _seen(application: Application, key: str) -> int:
    now = application.clock()
    return transact(
        application.database, lambda session: register(session, application.catalog, key, now=now).number
    )


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""  # a container's user need not have a name
