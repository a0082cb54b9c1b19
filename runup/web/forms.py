"""What a browser sends with a form, read strictly: text fields, each once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

MOST_FIELDS = 64
_REPLACEMENT = "\ufffd"

Fields = Mapping[str, str]
"""A form's values by name."""


async def read_form(request: Request) -> Fields:
    """The fields of an urlencoded or multipart form. 415 for another kind of body; 400 for a field that comes
    twice (which of the two would count?), for files, for broken encodings."""
    if not _is_form(request):
        raise HTTPException(415)
    return _strict(await request.form(max_fields=MOST_FIELDS, max_files=0))


async def read_any_form(request: Request) -> Fields:
    """As `read_form`, but whatever cannot be read counts as empty: for the POST that must always work."""
    try:
        return _strict(await request.form(max_fields=MOST_FIELDS, max_files=0))
    except HTTPException as error:
        if error.status_code == 413:
            raise
        return {}


async def read_upload(request: Request) -> tuple[Fields, bytes]:
    """As `read_form`, of a multipart form with one file: its text fields and the file's bytes, which stay in
    memory: no body may be as long as what would be put on a disk."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "multipart/form-data":
        raise HTTPException(415)
    async with request.form(max_fields=MOST_FIELDS, max_files=1) as form:
        files = [value for value in form.values() if isinstance(value, UploadFile)]
        content = await files[0].read() if files else b""
        texts = FormData([(name, value) for name, value in form.multi_items() if isinstance(value, str)])
    return _strict(texts), content


FormFields = Annotated[Fields, Depends(read_form)]
UploadFields = Annotated[tuple[Fields, bytes], Depends(read_upload)]
AnyFields = Annotated[Fields, Depends(read_any_form)]


def _is_form(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    # An empty form may come without a type; without one nothing is read.
    return kind in ("", "application/x-www-form-urlencoded", "multipart/form-data")


def _strict(form: FormData) -> dict[str, str]:
    fields: dict[str, str] = {}
    for name, value in form.multi_items():
        if name in fields or not isinstance(value, str) or _REPLACEMENT in name + value:
            raise HTTPException(400)
        fields[name] = value
    return fields
