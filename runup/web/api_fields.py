"""The shapes of the API: what it is sent, and what it answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Text = Annotated[str, Field(max_length=400)]


class InterviewFields(BaseModel):
    """When and how the interview is. Strings, as in the form; an empty one and a missing one are the same."""

    model_config = ConfigDict(extra="forbid", strict=True)

    interview_date: Text = Field("", examples=["2026-12-04"])
    interview_time: Text = Field("", examples=["14:00"])
    home_zone: Text = Field("", examples=["Europe/Berlin"])
    interview_zone: Text = ""
    mode: Text = Field("", examples=["onsite", "video", "phone", "unknown"])


class SignUpFields(InterviewFields):
    """The fields of the form, under the same names."""

    email: Text = Field("", examples=["ana@example.com"])
    first_name: Text = ""
    interviewers: Text = Field("", examples=["same", "new", "unknown"])
    format: Text = Field("", examples=["one_to_one", "panel", "case", "presentation", "group", "unknown"])
    company: Text = ""
    role: Text = ""
    country: Text = Field("", examples=["DE"])
    decision_on: Text = ""
    consent: bool = Field(
        default=False, description="The person has read and agreed to the wording of the form."
    )


class NewsletterFields(BaseModel):
    """Who asks for which newsletters."""

    model_config = ConfigDict(extra="forbid", strict=True)

    email: Text = Field("", examples=["ana@example.com"])
    first_name: Text = ""
    home_zone: Text = Field("", examples=["Europe/Berlin"], description="Issues come by the clock there.")
    lists: Annotated[list[Text], Field(max_length=50)] = Field([], examples=[["newsletter"]])
    consent: bool = Field(
        default=False, description="The person has read and agreed to the wording of each newsletter."
    )


class Newsletter(BaseModel):
    """A newsletter everybody can ask for."""

    key: str
    name: str
    about: str
    wording: str = Field(description="What somebody agrees to who asks for it; kept with the consent.")


class NewslettersAskedFor(BaseModel):
    """The same for everybody, whether the address is known or not and whatever it gets already."""

    status: str = "check_your_inbox"
    message: str = "We have sent one email. No issue follows before its button is pressed."


class Received(BaseModel):
    """The same for everybody, whether the address is known or not."""

    status: str = "check_your_inbox"
    message: str = "We have sent one email. The plan begins when its button is pressed."


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
        (408, "The body did not end in time"),
        (410, "The campaign is archived; nobody can sign up any more"),
        (413, "More than 64 kB"),
        (415, "Not application/json"),
        (422, "A value is wrong; `errors` says which"),
        (429, "Too often; `Retry-After` says when again"),
        (503, "The database did not answer; nothing was changed"),
    )
}
