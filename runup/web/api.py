"""What programs, and the script of the landing page, ask: JSON in, JSON out, no cookie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from campaigns.applied_catalog import applied
from runup.web.api_fields import (
    PROBLEMS,
    InterviewFields,
    LeftOut,
    Newsletter,
    NewsletterFields,
    NewslettersAskedFor,
    Plan,
    PlanLine,
    Received,
    SignUpFields,
)
from runup.web.forecast import Forecast, forecast
from runup.web.json_body import json_request, read_json
from runup.web.languages import gettext
from runup.web.rate_limits import PLANS, SIGN_UPS, SIGN_UPS_A_DAY
from runup.web.reading import InvalidFields
from runup.web.signing_up import store, store_lists
from runup.web.site import Site, SiteDep, site_of
from subscribers import InvalidSignUp, ListSignUp, SignUp
from subscribers.wording import Said

router = APIRouter(prefix="/api", responses=PROBLEMS)

_RECEIVED = Received().model_dump_json().encode()


async def _interview_fields(request: Request) -> InterviewFields:
    return await read_json(request, InterviewFields)


@router.post("/plan", summary="The plan for an interview", openapi_extra=dict(json_request(InterviewFields)))
def plan(
    request: Request, fields: Annotated[InterviewFields, Depends(_interview_fields)], site: SiteDep
) -> Plan:
    """What would arrive, and when, if somebody signed up and confirmed now. Nothing is stored."""
    site.let_pass(request, PLANS)
    found = forecast_of(site, fields.model_dump())
    return Plan(
        zone=found.zone,
        summary=found.summary,
        is_late=found.is_late,
        lines=[PlanLine.model_validate(asdict(line)) for line in found.lines],
        left_out=[LeftOut(title=title, why=why) for title, why in found.left_out],
    )


@router.post(
    "/sign-ups",
    status_code=202,
    summary="Sign somebody up who has agreed",
    response_model=Received,
    openapi_extra=dict(json_request(SignUpFields)),
)
async def post_sign_up(request: Request) -> Response:
    """One confirmation email leaves; nothing else before its button is pressed."""
    # Many may come in one moment, and dependencies would cost each as much again as reading what was sent.
    site, fields = site_of(request), await read_json(request, SignUpFields)
    site.let_pass(request, SIGN_UPS, SIGN_UPS_A_DAY)
    values = fields.model_dump() | {"consent": "yes" if fields.consent else ""}
    try:
        form = SignUp.parse(values, now=site.now)
    except InvalidSignUp as error:
        raise InvalidFields(error.errors) from None
    await store(request, site, form, source="api")
    return Response(_RECEIVED, 202, media_type="application/json")


async def _list_fields(request: Request) -> NewsletterFields:
    return await read_json(request, NewsletterFields)


@router.get("/newsletters", summary="The newsletters everybody can ask for")
def newsletters(site: SiteDep) -> list[Newsletter]:
    """With the words somebody agrees to who asks for one."""
    return [
        Newsletter(key=each.key, name=each.name, about=each.about, wording=gettext(each.wording))
        for each in site.lists
        if each.is_public
    ]


@router.post(
    "/newsletter-sign-ups",
    status_code=202,
    summary="Ask for newsletters for somebody who has agreed",
    openapi_extra=dict(json_request(NewsletterFields)),
)
def post_newsletter_sign_up(
    request: Request, fields: Annotated[NewsletterFields, Depends(_list_fields)], site: SiteDep
) -> NewslettersAskedFor:
    """One confirmation email leaves; no issue before its button is pressed. A newsletter that the address has
    already stays as it is."""
    site.let_pass(request, SIGN_UPS, SIGN_UPS_A_DAY)
    values = fields.model_dump()
    try:
        form = ListSignUp.parse(values, wanted=fields.lists, lists=site.lists)
    except InvalidSignUp as error:
        raise InvalidFields(error.errors | _unless_agreed(fields)) from None
    if errors := _unless_agreed(fields):
        raise InvalidFields(errors)
    store_lists(request, site, form, source="api")
    return NewslettersAskedFor()


def _unless_agreed(fields: NewsletterFields) -> dict[str, str]:
    return {} if fields.consent else {"consent": Said("we need your agreement to write to you")}


def forecast_of(site: Site, fields: Mapping[str, str]) -> Forecast:
    """For the campaign that people sign up for. Raises InvalidFields."""
    app = site.application
    with app.database.read() as session:
        sequence = applied(session, app.catalog).sequence(app.settings.campaign)
    return forecast(sequence, fields, now=site.now)
