from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request
from starlette.responses import HTMLResponse

from runup.web.csrf import FIELD, Csrf
from runup.web.forms import Fields
from runup.web.pages import Pages

if TYPE_CHECKING:
    from runup.application import Application


@dataclass(frozen=True)
class Site:
    """What every page needs: the application behind it, the templates, and the proof of its own forms."""

    application: Application
    pages: Pages
    csrf: Csrf

    @property
    def now(self) -> datetime:
        return self.application.clock()

    def page(self, name: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """A page without a form of ours to check."""
        return HTMLResponse(self.pages.render(name, **values), status_code=status)

    def form_page(self, request: Request, name: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """A page whose forms carry `form_token`; the browser keeps the other half as a cookie."""
        nonce = self.csrf.nonce(request)
        token = self.csrf.token(nonce, now=self.now)
        response = self.page(name, status=status, form_token=token, **values)
        self.csrf.remember(response, nonce)
        return response

    def check_form(self, request: Request, fields: Fields) -> None:
        """Raises ForeignForm or StaleForm unless one of our own pages sent it a moment ago."""
        self.csrf.check(request, fields.get(FIELD, ""), now=self.now)


async def _site(request: Request) -> Site:
    found = request.app.state.site
    assert isinstance(found, Site)
    return found


SiteDep = Annotated[Site, Depends(_site)]
