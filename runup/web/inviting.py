from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from runup.web.csrf import StaleForm
from runup.web.forms import UploadFields
from runup.web.ics_events import InvalidInvitation
from runup.web.invitation import read_invitation
from runup.web.landing import sign_up_page
from runup.web.languages import gettext as _
from runup.web.rate_limits import FILES
from runup.web.site import SiteDep

router = APIRouter()

FILE = "invitation"


@router.post("/invitation")
def post_invitation(request: Request, upload: UploadFields, site: SiteDep) -> Response:
    """The landing page again, with what the calendar file says in its form, to be looked at and sent."""
    site.let_pass(request, FILES)
    fields, content = upload
    try:
        site.check_form(request, fields)
        found = read_invitation(content, home_zone=fields.get("home_zone", ""), now=site.now)
    except StaleForm:
        return sign_up_page(request, site, fields, errors={}, is_stale=True, status=403)
    except InvalidInvitation as error:
        return sign_up_page(request, site, fields, errors={FILE: str(error)}, status=422)
    note = f"{_('This is what your invitation says.')} {found.note}".strip()
    return sign_up_page(request, site, {**fields, **found.fields}, read=note)
