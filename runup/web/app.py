from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware

from runup.lists_file import read_lists
from runup.web import (
    api,
    archive,
    assets,
    calendar,
    confirming,
    following,
    health,
    inviting,
    joining,
    keeping,
    landing,
    leaving,
    metrics,
    newsletter,
    newsletters,
    ops,
    own_data,
    plan,
    problems,
    unsubscribing,
    webhooks,
)
from runup.web.body_limit import BodyLimit
from runup.web.csrf import Csrf
from runup.web.even_answers import EvenAnswers
from runup.web.languages import Languages
from runup.web.pages import Pages
from runup.web.request_ids import RequestIds
from runup.web.security import SecurityHeaders
from runup.web.signing_up import arrivals
from runup.web.site import Site
from scheduler.wire import since_boot

if TYPE_CHECKING:
    from runup.application import Application


def create_app(application: Application) -> FastAPI:
    """The site over an opened application whose database is at the newest revision.

    Handlers are plain functions run in threads, except where a flood may come in (webhooks.py, sign-ups).
    Nothing but counts is kept between requests, so any number of processes can serve one database.
    """
    # The viewers of the description load scripts from elsewhere. A redirect to the address without a slash
    # would be made from the Host header, which anybody can write.
    app = FastAPI(
        title=application.brand.name,
        version=version("runup"),
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    base_url = application.brand.site_url
    lists = read_lists(application.settings.home)
    app.state.site = Site(
        application=application,
        pages=Pages(
            application.brand,
            has_newsletter=any(each.is_public for each in lists),
            counts=following.what_is_counted(application.settings),
        ),
        csrf=Csrf(keys=application.links.keys, base_url=base_url),
        arrivals=arrivals(application),
        lists=lists,
    )
    # Asked first, found first: each room in front of the wanted one costs a look at all of its paths.
    app.include_router(api.router)
    for room in (
        landing,
        inviting,
        confirming,
        following,
        own_data,
        plan,
        unsubscribing,
        leaving,
        newsletter,
        joining,
        newsletters,
        archive,
        keeping,
        calendar,
        health,
        assets,
    ):
        app.include_router(room.router, include_in_schema=False)
    app.include_router(webhooks.router(application), include_in_schema=False)
    app.include_router(metrics.router(application), include_in_schema=False)
    app.include_router(ops.router(), include_in_schema=False)
    app.mount("/static", assets.Assets())
    problems.install(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(EvenAnswers)
    # Nothing here is compressed already; to look for it takes longer than the rest of an answer's headers.
    app.add_middleware(GZipMiddleware, minimum_size=1000, exclude_content_types=())
    app.add_middleware(Languages)
    app.add_middleware(SecurityHeaders, is_https=base_url.startswith("https:"))
    app.add_middleware(RequestIds, trusted=application.settings.trusted_proxies, stopwatch=since_boot)
    return app
