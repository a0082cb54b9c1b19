from __future__ import annotations

from dataclasses import replace

from fastapi import Request

from runup.web.languages import gettext, language
from runup.web.rate_limits import MAILBOX, MAILBOX_A_DAY, TooMany
from runup.web.site import Site
from scheduler import reconcile
from subscribers import WORDING, SignUp, address_hmac, mailbox_hmac, sign_up


class NoRoom(Exception):
    """The disk is nearly full. What is left is for those who want to leave."""


def store(request: Request, site: Site, form: SignUp, *, source: str) -> None:
    """Write a sign-up down and plan its confirmation. Says nothing about whether the address was known.

    Past the mailbox's limit nothing is written down, and that is not told either: somebody else may have
    used it up. Raises NoRoom.
    """
    app, now = site.application, site.now
    if app.database.space is not None and app.database.space.shortage():
        raise NoRoom
    try:
        mailbox = mailbox_hmac(form.address, app.hmac_key)
        site.turnstile.take(mailbox, MAILBOX, MAILBOX_A_DAY, now=now)
    except TooMany:
        return
    sender = address_hmac(site.address(request), app.hmac_key)
    counted = site.turnstile.unless_it_fails(mailbox, MAILBOX, MAILBOX_A_DAY)
    with counted, app.database.write() as session:
        interview = sign_up(
            session,
            replace(form, locale=language()),
            campaign=app.settings.campaign,
            hmac_key=app.hmac_key,
            now=now,
            source=source,
            sender_hmac=sender,
            wording=gettext(WORDING),
        )
        reconcile(session, interview.subscriber_id, catalog=app.catalog, now=now)
