from __future__ import annotations

from fastapi import APIRouter
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import JSONResponse, Response

from runup.reports import SILENT_AFTER
from runup.web.site import SiteDep
from scheduler import Heartbeat
from scheduler.braking import active_hold

router = APIRouter()


@router.api_route("/health", methods=["GET", "HEAD"])
def health(site: SiteDep) -> Response:
    """200 when the database answers, a worker has ticked lately and no brake is on, else 503. No counts, no
    names."""
    try:
        with site.application.database.read() as session:
            last = session.scalar(select(func.max(Heartbeat.last_tick_at)))
            hold = active_hold(session)
    except SQLAlchemyError:
        return _answer("database unreachable", None, status=503)
    if last is None:
        return _answer("no worker has ticked yet", None, status=503)
    if site.now - last > SILENT_AFTER:
        return _answer("ticking has stopped", last.isoformat(), status=503)
    if hold is not None:
        return _answer(f"stopped until somebody has looked: {hold.kind}", last.isoformat(), status=503)
    return _answer("ok", last.isoformat(), status=200)


def _answer(words: str, last_tick_at: str | None, *, status: int) -> Response:
    return JSONResponse(
        {"status": words, "last_tick_at": last_tick_at},
        status_code=status,
        headers={"Cache-Control": "no-store"},
    )
