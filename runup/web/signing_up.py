from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from fastapi import Request
from sqlalchemy.orm import Session

from campaigns import Campaign, CampaignState
from runup.web.languages import gettext, language
from runup.web.rate_limits import MAILBOX, MAILBOX_A_DAY, TooMany
from runup.web.site import Site
from scheduler import reconcile
from subscribers import (
    WORDING,
    ListSignUp,
    SignUp,
    address_hmac,
    ask_for_lists,
    mailbox_hmac,
    sign_up,
)


class NoRoom(Exception):
    """The disk is nearly full. What is left is for those who want to leave."""


class Ended(Exception):
    """The campaign people sign up for here is archived; nobody is enrolled any more."""


def store(request: Request, site: Site, form: SignUp, *, source: str) -> None:
    """Write a sign-up down and plan its confirmation. Says nothing about whether the address was known.

    Past the mailbox's limit nothing is written down, and that is not told either: somebody else may have
    used it up. Raises NoRoom, and Ended.
    """
    app, now = site.application, site.now

    def act(session: Session, sender_hmac: str) -> int:
        campaign = session.get(Campaign, app.settings.campaign)
        if campaign is not None and campaign.state == CampaignState.ARCHIVED:
            raise Ended
        interview = sign_up(
            session,
            replace(form, locale=language()),
            campaign=app.settings.campaign,
            hmac_key=app.hmac_key,
            now=now,
            source=source,
            sender_hmac=sender_hmac,
            wording=gettext(WORDING),
        )
        return interview.subscriber_id

    _write_down(request, site, form.address, act)


def store_lists(request: Request, site: Site, form: ListSignUp, *, source: str) -> None:
    """As `store`, of somebody who asks for newsletters."""
    app, now = site.application, site.now

    def act(session: Session, sender_hmac: str) -> int:
        subscriber = ask_for_lists(
            session,
            replace(form, locale=language()),
            hmac_key=app.hmac_key,
            now=now,
            source=source,
            sender_hmac=sender_hmac,
            wordings={each.key: gettext(each.wording) for each in form.lists},
        )
        return subscriber.id

    _write_down(request, site, form.address, act)


def _write_down(request: Request, site: Site, address: str, act: Callable[[Session, str], int]) -> None:
    """`act` gets the sender's network address as a keyed hash, and returns whose plan changes."""
    app, now = site.application, site.now
    if app.database.space is not None and app.database.space.shortage():
        raise NoRoom
    try:
        mailbox = mailbox_hmac(address, app.hmac_key)
        site.turnstile.take(mailbox, MAILBOX, MAILBOX_A_DAY, now=now)
    except TooMany:
        return
    sender = address_hmac(site.address(request), app.hmac_key)
    counted = site.turnstile.unless_it_fails(mailbox, MAILBOX, MAILBOX_A_DAY)
    with counted, app.database.write() as session:
        reconcile(session, act(session, sender), catalog=app.catalog, now=now)
