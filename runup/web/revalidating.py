"""Whether a program that asks again has what it asks for already."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from fastapi import Request
from starlette.responses import Response


def answer(
    request: Request, content: bytes, *, media_type: str, changed_at: datetime, headers: Mapping[str, str]
) -> Response:
    """`content`, or 304 for who has this very file. Of a program's two proofs the stronger counts."""
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    told = {
        "ETag": etag,
        "Last-Modified": format_datetime(changed_at.astimezone(UTC), usegmt=True),
        **headers,
    }
    if _has_it(request, etag, changed_at):
        return Response(status_code=304, headers=told)
    return Response(content, media_type=media_type, headers=told)


def _has_it(request: Request, etag: str, changed_at: datetime) -> bool:
    known = request.headers.get("if-none-match")
    if known is not None:
        return known.strip() == "*" or etag in (tag.strip().removeprefix("W/") for tag in known.split(","))
    since = request.headers.get("if-modified-since")
    if since is None:
        return False
    try:
        seen = parsedate_to_datetime(since)
    except ValueError:
        return False
    return seen.tzinfo is not None and changed_at.replace(microsecond=0) <= seen
