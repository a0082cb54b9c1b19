from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from runup.health import Health, is_ready, look
from runup.web.site import SiteDep

router = APIRouter()


@router.api_route("/health", methods=["GET", "HEAD"])
def health(site: SiteDep) -> Response:
    """200 when emails leave as they should, else 503 with a word per cause. No counts, no names."""
    settings = site.application.settings
    found = look(
        site.application.database,
        journal=settings.journal_folder,
        lateness=timedelta(minutes=settings.health_lateness),
        now=site.now,
    )
    last = found.last_tick_at.isoformat() if found.last_tick_at else None
    return _answer(found, last_tick_at=last)


@router.api_route("/health/live", methods=["GET", "HEAD"])
async def live() -> Response:
    """200 while this process answers at all: what does not is to be started again. Looks at nothing else."""
    return _answer(Health((), None))


@router.api_route("/health/ready", methods=["GET", "HEAD"])
def ready(site: SiteDep) -> Response:
    """200 while this site can take a sign-up, whatever the workers do: where a balancer sends visitors."""
    application = site.application
    return _answer(is_ready(application.database, journal=application.settings.journal_folder))


def _answer(health: Health, **more: str | None) -> Response:
    return JSONResponse(
        {"status": health.words, "causes": [ailment.cause for ailment in health.ailments], **more},
        status_code=200 if health.is_good else 503,
        headers={"Cache-Control": "no-store"},
    )
