from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from fastapi import Request
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection

from campaigns import Campaign, CampaignState
from runup.web.gathering import Gathering
from runup.web.languages import gettext, language
from runup.web.rate_limits import MAILBOX, MAILBOX_A_DAY, TooMany
from runup.web.site import Site
from scheduler import reconcile
from scheduler.reconcile_many import reconcile_many
from subscribers import WORDING, ListSignUp, SignUp, address_hmac, ask_for_lists, mailbox_hmac
from subscribers.arriving import Arrival, sign_up_together

if TYPE_CHECKING:
    from runup.application import Application


class NoRoom(Exception):
    """The disk is nearly full. What is left is for those who want to leave."""


class Ended(Exception):
    """The campaign people sign up for here is archived; nobody is enrolled any more."""


_COMMON = (NoRoom, Ended, OperationalError, InterfaceError, NoConnection)
"""What is wrong with all of us and with no sign-up of its own."""


async def store(request: Request, site: Site, form: SignUp, *, source: str) -> None:
    """Write a sign-up down and plan its confirmation. Says nothing about whether the address was known.

    Past the mailbox's limit nothing is written down, and that is not told either: somebody else may have
    used it up. Raises NoRoom, and Ended.
    """
    with _counted(site, form.address) as may:
        if may:
            arrival = Arrival(
                form=replace(form, locale=language()),
                source=source,
                sender_hmac=_sender(request, site),
                wording=gettext(WORDING),
            )
            await site.arrivals.add(arrival)


def arrivals(application: Application) -> Gathering[Arrival]:
    """Where sign-ups meet: those of one moment are written down and planned in one transaction."""
    return Gathering(lambda together: _take_in(application, together), common=_COMMON)


def _take_in(app: Application, together: Sequence[Arrival]) -> None:
    _require_room(app)
    now, key = app.clock(), app.settings.campaign
    with app.database.write() as session:
        campaign = session.get(Campaign, key)
        if campaign is not None and campaign.state == CampaignState.ARCHIVED:
            raise Ended
        people = sign_up_together(session, together, campaign=key, hmac_key=app.hmac_key, now=now)
        reconcile_many(session, people, catalog=app.catalog, now=now)


def store_lists(request: Request, site: Site, form: ListSignUp, *, source: str) -> None:
    """As `store`, of somebody who asks for newsletters."""
    app, now = site.application, site.now
    with _counted(site, form.address) as may:
        if not may:
            return
        _require_room(app)
        with app.database.write() as session:
            subscriber = ask_for_lists(
                session,
                replace(form, locale=language()),
                hmac_key=app.hmac_key,
                now=now,
                source=source,
                sender_hmac=_sender(request, site),
                wordings={each.key: gettext(each.wording) for each in form.lists},
            )
            reconcile(session, subscriber.id, catalog=app.catalog, now=now)


@contextmanager
def _counted(site: Site, address: str) -> Iterator[bool]:
    """Whether one more may be written down for the mailbox of `address`; counted unless the block fails."""
    mailbox = mailbox_hmac(address, site.application.hmac_key)
    try:
        site.turnstile.take(mailbox, MAILBOX, MAILBOX_A_DAY, now=site.now)
    except TooMany:
        yield False
        return
    with site.turnstile.unless_it_fails(mailbox, MAILBOX, MAILBOX_A_DAY):
        yield True


def _require_room(app: Application) -> None:
    if app.database.space is not None and app.database.space.shortage():
        raise NoRoom


def _sender(request: Request, site: Site) -> str:
    """The sender's network address as a keyed hash."""
    return address_hmac(site.address(request), site.application.hmac_key)
