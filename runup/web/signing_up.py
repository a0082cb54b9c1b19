from __future__ import annotations

from fastapi import Request

from runup.web.site import Site
from scheduler import reconcile
from subscribers import SignUp, address_hmac, sign_up


def store(request: Request, site: Site, form: SignUp, *, source: str) -> None:
    """Write a sign-up down and plan its confirmation. Says nothing about whether the address was known."""
    app, now = site.application, site.now
    sender = address_hmac(request.client.host, app.hmac_key) if request.client else ""
    with app.database.write() as session:
        interview = sign_up(
            session,
            form,
            campaign=app.settings.campaign,
            hmac_key=app.hmac_key,
            now=now,
            source=source,
            sender_hmac=sender,
        )
        reconcile(session, interview.subscriber_id, catalog=app.catalog, now=now)
