from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request
from starlette.responses import HTMLResponse

from runup.web.csrf import FIELD, Csrf, SentForm
from runup.web.forms import Fields
from runup.web.gathering import Gathering
from runup.web.pages import Pages
from runup.web.rate_limits import Limit, Turnstile
from runup.web.senders import address_of, network_of
from subscribers import NewsletterList
from subscribers.arriving import Arrival

if TYPE_CHECKING:
    from runup.application import Application


@dataclass(frozen=True)
class Site:
    """What every page needs: the application behind it, the templates, and the proof of its own forms."""

    application: Application
    pages: Pages
    csrf: Csrf
    arrivals: Gathering[Arrival]
    """Where sign-ups meet."""
    lists: tuple[NewsletterList, ...] = ()
    """The newsletters there are."""
    turnstile: Turnstile = field(default_factory=Turnstile)

    @property
    def now(self) -> datetime:
        return self.application.clock()

    def address(self, request: Request) -> str:
        """The visitor's network address, behind the proxies that the settings name."""
        return address_of(request, self.application.settings.trusted_proxies)

    def let_pass(self, request: Request, *limits: Limit) -> None:
        """Count one more of this visitor's network. Raises TooMany."""
        self.turnstile.take(network_of(self.address(request)), *limits, now=self.now)

    def page(self, name: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """A page without a form of ours to check."""
        return HTMLResponse(self.pages.render(name, **values), status_code=status)

    def form_page(
        self, request: Request, name: str, *, status: int = 200, form_token: str = "", **values: Any
    ) -> HTMLResponse:
        """A page whose forms carry `form_token`; the browser keeps the other half as a cookie. `form_token`:
        the one of the form that is shown again, so that it keeps its age."""
        nonce = self.csrf.nonce(request)
        form_token = form_token or self.csrf.token(nonce, now=self.now)
        response = self.page(name, status=status, form_token=form_token, **values)
        self.csrf.remember(response, nonce)
        return response

    def check_form(self, request: Request, fields: Fields) -> SentForm:
        """Raises ForeignForm or StaleForm unless one of our own pages sent it a moment ago."""
        return self.csrf.check(request, fields.get(FIELD, ""), now=self.now)


def site_of(request: Request) -> Site:
    found = request.app.state.site
    assert isinstance(found, Site)
    return found


async def _site(request: Request) -> Site:
    return site_of(request)


SiteDep = Annotated[Site, Depends(_site)]
