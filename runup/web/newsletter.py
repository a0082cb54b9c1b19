"""The newsletters' own sign-up: which of them, to what address."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from runup.web.csrf import StaleForm
from runup.web.forms import Fields, FormFields
from runup.web.plan_changes import list_field
from runup.web.rate_limits import SIGN_UPS, SIGN_UPS_A_DAY
from runup.web.robots import HONEYPOT, TooQuick, once, require_patience
from runup.web.signing_up import store_lists
from runup.web.site import Site, SiteDep
from subscribers import InvalidSignUp, ListSignUp

router = APIRouter(prefix="/newsletter")

FIELDS = ("email", "first_name", "home_zone")
MOST_KEPT = 400
_LISTS = list_field("")


@router.api_route("", methods=["GET", "HEAD"])
def form(request: Request, site: SiteDep) -> Response:
    """The form, prefilled from the query: `?list=KEY` ticks a newsletter."""
    query = dict(request.query_params)
    return newsletter_page(request, site, query, chosen=request.query_params.getlist("list"))


@router.post("")
def post(request: Request, fields: FormFields, site: SiteDep) -> Response:
    """Write down who asked for what. The answer is the same whether the address is known, new or a robot's,
    and whichever of these newsletters it has already."""
    site.let_pass(request, SIGN_UPS, SIGN_UPS_A_DAY)
    token = ""
    try:
        sent = site.check_form(request, fields)
        token = sent.token
        require_patience(sent)
        if not fields.get(HONEYPOT):
            found = ListSignUp.parse(fields, wanted=_wanted(fields), lists=site.lists)
            with once(site, token, found) as is_new:
                if is_new:
                    store_lists(request, site, found, source="form")
    except TooQuick:
        return newsletter_page(request, site, fields, is_stale=True, status=403, token=token)
    except StaleForm:
        return newsletter_page(request, site, fields, is_stale=True, status=403)
    except InvalidSignUp as error:
        return newsletter_page(request, site, fields, errors=error.errors, status=422, token=token)
    return RedirectResponse("/newsletter/check-your-inbox", status_code=303)


@router.api_route("/check-your-inbox", methods=["GET", "HEAD"])
def check_your_inbox(site: SiteDep) -> Response:
    return site.page("newsletter_inbox.html")


def newsletter_page(
    request: Request,
    site: Site,
    values: Fields,
    *,
    chosen: Collection[str] | None = None,
    errors: Mapping[str, str] | None = None,
    is_stale: bool = False,
    token: str = "",
    status: int = 200,
) -> Response:
    """`chosen`: keys of the lists to tick; those of the form itself where it is shown again."""
    public = [each for each in site.lists if each.is_public]
    chosen = _wanted(values) if chosen is None else chosen
    return site.form_page(
        request,
        "newsletter.html",
        status=status,
        form_token=token,
        values={name: values.get(name, "")[:MOST_KEPT] for name in FIELDS},
        lists=[(list_field(each.key), each, each.key in chosen) for each in public],
        errors={name: (errors or {})[name] for name in ("lists", *FIELDS) if name in (errors or {})},
        is_stale=is_stale,
        honeypot=HONEYPOT,
    )


def _wanted(fields: Fields) -> list[str]:
    return [
        name.removeprefix(_LISTS)
        for name, value in fields.items()
        if name.startswith(_LISTS) and value == "yes"
    ]
