from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from runup.web.api import forecast_of
from runup.web.csrf import StaleForm
from runup.web.forecast import Forecast
from runup.web.forms import Fields, FormFields
from runup.web.rate_limits import SIGN_UPS, SIGN_UPS_A_DAY
from runup.web.reading import InvalidFields
from runup.web.robots import HONEYPOT, TooQuick, once, require_patience
from runup.web.signing_up import store
from runup.web.site import Site, SiteDep
from subscribers import WORDING, InvalidSignUp, SignUp

router = APIRouter()

FIELDS = (
    "interview_date",
    "interview_time",
    "home_zone",
    "interview_zone",
    "mode",
    "interviewers",
    "format",
    "first_name",
    "email",
    "company",
    "role",
    "country",
    "decision_on",
)
"""In the order of the page; the error summary follows it. A link may prefill each of them, consent never."""
SHORT_NAMES = {"date": "interview_date", "time": "interview_time", "zone": "home_zone"}
"""For links written by hand: `/?date=2026-12-04`."""
MOST_KEPT = 400


@router.api_route("/", methods=["GET", "HEAD"])
def landing(request: Request, site: SiteDep) -> Response:
    """The landing page with the form, prefilled from the query."""
    query = {SHORT_NAMES.get(name, name): value for name, value in request.query_params.items()}
    return sign_up_page(request, site, query)


@router.post("/sign-up")
async def post_sign_up(request: Request, fields: FormFields, site: SiteDep) -> Response:
    """Write the sign-up down. The answer is the same whether the address is known, new or a robot's."""
    site.let_pass(request, SIGN_UPS, SIGN_UPS_A_DAY)
    try:
        sent = site.check_form(request, fields)
        require_patience(sent)
        if not fields.get(HONEYPOT):
            form = SignUp.parse(fields, now=site.now)
            with once(site, sent.token, form) as is_new:
                if is_new:
                    await store(request, site, form, source="form")
    except TooQuick:
        return await _again(request, site, fields, is_stale=True, status=403, token=sent.token)
    except StaleForm:
        return await _again(request, site, fields, is_stale=True, status=403)
    except InvalidSignUp as error:
        return await _again(request, site, fields, errors=error.errors, status=422, token=sent.token)
    return RedirectResponse("/check-your-inbox", status_code=303)


async def _again(
    request: Request, site: Site, fields: Fields, *, errors: Mapping[str, str] | None = None, **more: Any
) -> Response:
    """The page once more, made in a thread: it may show a plan."""
    return await run_in_threadpool(sign_up_page, request, site, fields, errors=errors or {}, **more)


@router.api_route("/check-your-inbox", methods=["GET", "HEAD"])
def check_your_inbox(site: SiteDep) -> Response:
    return site.page("check_your_inbox.html")


def sign_up_page(
    request: Request,
    site: Site,
    values: Fields,
    *,
    errors: Mapping[str, str] | None = None,
    is_stale: bool = False,
    read: str = "",
    token: str = "",
    status: int = 200,
) -> Response:
    """The landing page with `values` in its form. `read`: what was found in an invitation, in words."""
    kept = {name: values.get(name, "")[:MOST_KEPT] for name in FIELDS}
    return site.form_page(
        request,
        "landing.html",
        status=status,
        form_token=token,
        values=kept,
        agreed=bool(errors is not None and values.get("consent")),
        errors=_in_page_order(errors or {}),
        is_stale=is_stale,
        read=read,
        plan=_plan(site, kept),
        wording=WORDING,
        honeypot=HONEYPOT,
    )


def _plan(site: Site, values: Fields) -> Forecast | None:
    """For browsers without scripts: what the page shows once it knows the day, however it got there."""
    if not values["interview_date"]:
        return None
    try:
        return forecast_of(site, values)
    except InvalidFields:
        return None


def _in_page_order(errors: Mapping[str, str]) -> dict[str, str]:
    order = ("invitation", *FIELDS, "consent")
    return {name: errors[name] for name in sorted(errors, key=order.index)}
