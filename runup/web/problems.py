"""What goes wrong, as pages of the same family. None repeats what was sent."""

from __future__ import annotations

from dataclasses import dataclass, replace

import structlog
from fastapi import FastAPI, Request
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as NoConnection
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from runup.web.csrf import ForeignForm, StaleForm
from runup.web.languages import gettext
from runup.web.rate_limits import TooMany
from runup.web.reading import InvalidFields
from runup.web.request_ids import KEY, NAME
from runup.web.security import headers_for
from runup.web.signing_up import Ended, NoRoom
from runup.web.site import Site
from subscribers import InvalidLink

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Problem:
    """Title and words are translated where they are shown."""

    status: int
    title: str
    words: str


NOT_FOUND = Problem(
    404,
    "This link does not work",
    "It may be old, or a piece of it got lost on the way. Open the email once more and tap the button there, "
    "or copy the whole address.",
)
STALE = Problem(
    403,
    "Please send that once more",
    "This page lay open for a long time, or your browser did not keep our cookie. Nothing was changed. "
    "Open the page again and send it from there.",
)
FOREIGN = Problem(
    403,
    "That came from another site",
    "We only take forms from our own pages, and nothing was changed. Open the page here and send it again.",
)
OFTEN = Problem(
    429,
    "Please try again a little later",
    "Very much came from your network just now. Nothing was changed; in a few minutes it works again.",
)
INVALID = Problem(422, "Some of it is wrong", "The errors say which fields, and what to do.")
BUSY = Problem(
    503,
    "Please try again in a minute",
    "We could not write that down just now. Nothing was changed.",
)
ENDED = Problem(
    410,
    "These emails have ended",
    "Nobody new can sign up for them any more. Nothing was written down.",
)
BROKEN = Problem(
    500,
    "Something broke on our side",
    "It is not your fault, and we have been told. Please try again in a few minutes.",
)
_BY_STATUS = {
    400: Problem(
        400, "We could not read that", "The form arrived damaged. Please go back and send it again."
    ),
    403: FOREIGN,
    404: NOT_FOUND,
    405: Problem(405, "That does not work here", "This address cannot be used that way."),
    408: Problem(
        408, "We could not read that", "The form arrived damaged. Please go back and send it again."
    ),
    413: Problem(413, "That was too much", "The form was far longer than it can be. Please shorten it."),
    415: Problem(415, "We could not read that", "Please use the form on our page."),
    503: BUSY,
}
_OURS = (DataError, IntegrityError, ProgrammingError)
"""What a database refuses because we asked for the wrong thing; all else means that it cannot just now."""
_FOR_PROGRAMS = {
    400: "Send one JSON object in UTF-8, each field once.",
    404: "There is nothing at this address.",
    408: "The body did not arrive within a minute.",
    413: "The body may have 64 kB.",
    415: "Send it as application/json.",
}


def install(app: FastAPI) -> None:
    """Answer every error with a page."""

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        problem = _BY_STATUS.get(error.status_code) or Problem(
            error.status_code, BROKEN.title, "Please go back and try again."
        )
        return _page(request, problem, headers=dict(error.headers or {}))

    @app.exception_handler(InvalidLink)
    async def not_found(request: Request, _error: Exception) -> Response:
        return _page(request, NOT_FOUND)

    @app.exception_handler(InvalidFields)
    async def invalid(_request: Request, error: InvalidFields) -> Response:
        # Pages catch this and show the form again; what comes here was asked by a program.
        return _details(INVALID, errors={name: gettext(why) for name, why in error.errors.items()})

    @app.exception_handler(TooMany)
    async def too_many(request: Request, error: TooMany) -> Response:
        return _page(request, OFTEN, headers={"Retry-After": str(error.seconds)})

    @app.exception_handler(StaleForm)
    async def stale(request: Request, _error: Exception) -> Response:
        return _page(request, STALE)

    @app.exception_handler(ForeignForm)
    async def foreign(request: Request, _error: Exception) -> Response:
        return _page(request, FOREIGN)

    @app.exception_handler(NoRoom)
    async def no_room(request: Request, _error: Exception) -> Response:
        log.error("no_room")
        return _page(request, BUSY, headers={"Retry-After": "600"})

    @app.exception_handler(Ended)
    async def ended(request: Request, _error: Exception) -> Response:
        return _page(request, ENDED)

    @app.exception_handler(DBAPIError)
    async def busy(request: Request, error: DBAPIError) -> Response:
        if isinstance(error, _OURS):
            raise error
        # The driver's words only: SQLAlchemy's own message repeats the statement's values.
        log.error("database_unavailable", error=str(error.orig).splitlines()[0] if error.orig else "")
        return _page(request, BUSY, headers={"Retry-After": "60"})

    @app.exception_handler(NoConnection)
    async def crowded(request: Request, _error: Exception) -> Response:
        log.error("database_unavailable", error="no connection became free")
        return _page(request, BUSY, headers={"Retry-After": "60"})

    @app.exception_handler(Exception)
    async def broken(request: Request, _error: Exception) -> Response:
        # This one is answered outside the middleware that adds the headers everywhere else.
        is_https = request.app.state.site.csrf.base_url.startswith("https:")
        headers = dict(headers_for(request.url.path, is_https=is_https))
        return _page(request, BROKEN, headers=headers | {NAME: request.scope.get(KEY, "")})


def _page(request: Request, problem: Problem, *, headers: dict[str, str] | None = None) -> Response:
    """The problem as a page; as RFC 9457's problem details where a program asked."""
    site: Site = request.app.state.site
    response: Response
    if request.url.path.startswith("/api/"):
        words = _FOR_PROGRAMS.get(problem.status, problem.words)
        response = _details(replace(problem, words=words))
    else:
        response = site.page("problem.html", status=problem.status, problem=problem)
    response.headers.update(headers or {})
    return response


def _details(problem: Problem, **more: object) -> JSONResponse:
    content = {
        "type": "about:blank",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.words,
    }
    return JSONResponse(content | more, problem.status, media_type="application/problem+json")
