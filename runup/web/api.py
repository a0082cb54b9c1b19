"""What programs, and the script of the landing page, ask: JSON in, JSON out, no cookie."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from runup.web.forecast import Forecast, forecast
from runup.web.json_body import json_request, read_json
from runup.web.site import SiteDep

router = APIRouter(prefix="/api")

Text = Annotated[str, Field(max_length=400)]


class InterviewFields(BaseModel):
    """When and how the interview is. Strings, as in the form; an empty one and a missing one are the same."""

    model_config = ConfigDict(extra="forbid", strict=True)

    interview_date: Text = Field("", examples=["2026-12-04"])
    interview_time: Text = Field("", examples=["14:00"])
    home_zone: Text = Field("", examples=["Europe/Berlin"])
    interview_zone: Text = ""
    mode: Text = Field("", examples=["onsite", "video", "phone", "unknown"])


class PlanLine(BaseModel):
    """An email, or the interview itself: that one has an empty `step`."""

    step: str
    title: str
    at: datetime | None = Field(description="On the reader's clock; null when the start time is unknown.")
    when: str
    instead_of: list[str] = Field(description="Titles of the emails whose core this one carries.")


class LeftOut(BaseModel):
    title: str
    why: str


class Plan(BaseModel):
    zone: str
    summary: str
    is_late: bool = Field(description="Some of it comes as one short version.")
    lines: list[PlanLine]
    left_out: list[LeftOut]


class Problem(BaseModel):
    """RFC 9457. `errors` says per field what is wrong, in words for a person; only with status 422."""

    type: str
    title: str
    status: int
    detail: str
    errors: dict[str, str] = {}


_PROBLEM = {"application/problem+json": {"schema": Problem.model_json_schema()}}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"description": words, "content": _PROBLEM}
    for status, words in (
        (400, "Not a JSON object, or a field twice"),
        (413, "More than 64 kB"),
        (415, "Not application/json"),
        (422, "A value is wrong; `errors` says which"),
    )
}


async def _interview_fields(request: Request) -> InterviewFields:
    return await read_json(request, InterviewFields)


@router.post(
    "/plan",
    summary="The plan for an interview",
    responses=PROBLEMS,
    openapi_extra=dict(json_request(InterviewFields)),
)
def plan(fields: Annotated[InterviewFields, Depends(_interview_fields)], site: SiteDep) -> Plan:
    """What would arrive, and when, if somebody signed up and confirmed now. Nothing is stored."""
    return _plan(forecast_of(site, fields.model_dump()))


def forecast_of(site: SiteDep, fields: Mapping[str, str]) -> Forecast:
    """For the campaign that people sign up for. Raises InvalidFields."""
    app = site.application
    return forecast(app.catalog.sequence(app.settings.campaign), fields, now=site.now)


def _plan(found: Forecast) -> Plan:
    return Plan(
        zone=found.zone,
        summary=found.summary,
        is_late=found.is_late,
        lines=[
            PlanLine(
                step=line.step,
                title=line.title,
                at=line.at,
                when=line.when,
                instead_of=list(line.instead_of),
            )
            for line in found.lines
        ],
        left_out=[LeftOut(title=title, why=why) for title, why in found.left_out],
    )
