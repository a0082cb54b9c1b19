"""What a program sends: one JSON object of known fields, read strictly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from fastapi import HTTPException, Request
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from runup.web.reading import InvalidFields

M = TypeVar("M", bound=BaseModel)

_WORDS = {
    "extra_forbidden": "there is no such field",
    "string_type": "this must be a string",
    "string_too_long": "this is too long",
    "list_type": "this must be a list of strings",
    "too_long": "these are too many",
    "missing": "this is missing",
    "literal_error": "this is none of the values it can have",
}


async def read_json(request: Request, model: type[M]) -> M:
    """The body as `model`. 415 unless it is application/json, 400 for what is no JSON object or says a field
    twice, InvalidFields for fields that are unknown or of another type."""
    # Only this type: a browser sends it to another site after asking that site first, and we say no.
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(415)
    try:
        values = json.loads((await request.body()).decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise HTTPException(400) from None
    if not isinstance(values, dict):
        raise HTTPException(400)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise InvalidFields(dict(map(_told, error.errors(include_url=False)))) from None


def json_request(model: type[BaseModel]) -> Mapping[str, Any]:
    """What the OpenAPI description says of a handler that calls `read_json`."""
    content = {"application/json": {"schema": model.model_json_schema()}}
    return {"requestBody": {"required": True, "content": content}}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field comes twice")
    return found


def _told(error: ErrorDetails) -> tuple[str, str]:
    return str(error["loc"][0])[:60], _WORDS.get(error["type"], "this cannot be read")
