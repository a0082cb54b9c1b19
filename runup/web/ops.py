"""/ops: how things stand and what came of it, for operators who have logged in. It changes nothing."""

from __future__ import annotations

from typing import Any

import structlog
from fastapi import APIRouter, Depends, Request
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from runup.operators import Login, Operator, TooManyLogins, accounts, log_in, sessions
from runup.web.forms import FormFields
from runup.web.ops_page import Ops, ask
from runup.web.senders import network_of
from runup.web.site import Site, SiteDep

log = structlog.get_logger(__name__)
_READING = ["GET", "HEAD"]
_WRONG = "That name, password or code is not right, or the code was used already. Wait for the next one."


def router() -> APIRouter:
    """The pages, with what they keep for a moment: one per application."""
    found, ops = APIRouter(prefix="/ops", dependencies=[Depends(_exists)]), Ops()

    @found.api_route("", methods=_READING)
    def show(request: Request, site: SiteDep) -> Response:
        """How things stand, and the report that the address asks for."""
        operator = _operator(request, site)
        if operator is None:
            return RedirectResponse("/ops/login", status_code=303)
        question, wrong = ask(request.query_params, now=site.now)
        shown = ops.values(site, question) | {"operator": operator.name, "wrong": wrong}
        return site.form_page(request, "ops.html", status=422 if wrong else 200, **shown)

    @found.api_route("/login", methods=_READING)
    def login_page(request: Request, site: SiteDep) -> Response:
        if _operator(request, site) is not None:
            return RedirectResponse("/ops", status_code=303)
        return site.form_page(request, "ops_login.html", wrong="")

    found.add_api_route("/login", log_in_here, methods=["POST"])
    found.add_api_route("/logout", log_out, methods=["POST"])
    # Any other method on any address: 405 where there is a page, and nothing where there is none.
    found.add_api_route("/login", _not_allowed, methods=["PUT", "PATCH", "DELETE"])
    found.add_api_route("/logout", _not_allowed, methods=["GET", "HEAD", "PUT", "PATCH", "DELETE"])
    found.add_api_route("", _not_allowed, methods=["POST", "PUT", "PATCH", "DELETE"])
    return found


def log_in_here(request: Request, fields: FormFields, site: SiteDep) -> Response:
    """One answer to whatever is wrong. A new cookie at each login; the old session ends."""
    site.check_form(request, fields)
    app, network = site.application, network_of(site.address(request))
    login = Login(fields.get("name", ""), fields.get("password", ""), fields.get("code", ""), network)
    try:
        token = log_in(
            app.database,
            login,
            keys=app.links.keys,
            hmac_key=app.hmac_key,
            instead_of=_cookie(request, site),
            now=site.now,
        )
    except TooManyLogins as error:
        log.warning("operator_logins_throttled", network=network)
        page = site.form_page(
            request,
            "ops_login.html",
            status=429,
            wrong=f"Too many tries. It works again in {-(-error.seconds // 60)} minutes.",
        )
        page.headers["Retry-After"] = str(error.seconds)
        return page
    if token is None:
        return site.form_page(request, "ops_login.html", status=401, wrong=_WRONG)
    answer = RedirectResponse("/ops", status_code=303)
    answer.set_cookie(_cookie_name(site), token, **_cookie_rules(site))
    return answer


def log_out(request: Request, fields: FormFields, site: SiteDep) -> Response:
    """The session ends in the database: a copy of the cookie opens nothing any more."""
    site.check_form(request, fields)
    operator = _operator(request, site)
    with site.application.database.write() as session:
        sessions.end(session, _cookie(request, site))
    if operator is not None:
        log.info("operator_logged_out", operator=operator.name)
    answer = RedirectResponse("/ops/login", status_code=303)
    answer.delete_cookie(_cookie_name(site), **_cookie_rules(site))
    return answer


def _not_allowed() -> Response:
    raise HTTPException(405)


def _exists(site: SiteDep) -> None:
    """Without an operator there is no such page: nobody learns that there could be one."""
    with site.application.database.read() as session:
        if not accounts.anybody(session):
            raise HTTPException(404)


def _operator(request: Request, site: Site) -> Operator | None:
    """Whose session the browser brings, if it is one that still holds; noted, now and then, as used."""
    token = _cookie(request, site)
    if not token:
        return None
    with site.application.database.read() as session:
        found = sessions.find_operator(session, token, now=site.now)
    if found is None:
        return None
    operator, is_time_to_note = found
    if is_time_to_note:
        with site.application.database.write() as session:
            sessions.note_use(session, token, now=site.now)
    return operator


def _cookie(request: Request, site: Site) -> str:
    return request.cookies.get(_cookie_name(site), "")


def _cookie_name(site: Site) -> str:
    # The prefix makes browsers refuse the cookie from a subdomain; it needs https.
    return "__Host-runup-ops" if _is_https(site) else "runup-ops"


def _cookie_rules(site: Site) -> dict[str, Any]:
    return {"httponly": True, "samesite": "strict", "secure": _is_https(site), "path": "/"}


def _is_https(site: Site) -> bool:
    return site.csrf.base_url.startswith("https:")
