"""After the goodbye: what else somebody may have meant, each one POST away."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from runup.web import dates
from runup.web.forms import FormFields
from runup.web.languages import gettext
from runup.web.reading import InvalidFields
from runup.web.site import Site, SiteDep
from scheduler import reconcile
from subscribers import (
    Interview,
    Purpose,
    Reason,
    Subscriber,
    come_back,
    find_suppression,
    keep_only_interview,
    keep_only_newsletter,
    lists_of,
)
from subscribers.merged import person_behind
from subscribers.wording import Said

router = APIRouter()

OPEN_FOR = timedelta(hours=24)
"""After the goodbye; later than that it is a sign-up like any other."""
MOST_INTERVIEWS = 4
EVERYTHING, NEWSLETTER, INTERVIEW = "everything", "newsletter", "interview-"
KEPT = {
    EVERYTHING: (Said("Taken back"), Said("Everything goes on as before.")),
    NEWSLETTER: (
        Said("Only the newsletter"),
        Said("Nothing more leaves about your interview; the newsletter goes on."),
    ),
    INTERVIEW: (Said("Only this interview"), Said("Its emails go on. Everything else stays stopped.")),
}
OVER = (Said("That is settled already"), Said("Nothing was changed. Your emails are as you last left them."))


@router.post("/keep/{token}")
def post(request: Request, token: str, fields: FormFields, site: SiteDep) -> Response:
    """Take back a part of a goodbye that was said within the last day. Twice is once."""
    app, now = site.application, site.now
    identity = app.links.read(Purpose.KEEP, token)
    site.check_form(request, fields)
    only = fields.get("only", "")
    with app.database.write() as session:
        subscriber = person_behind(session, identity)
        interview = _chosen(site, subscriber, only) if subscriber else None
        is_done = subscriber is not None and _is_open(session, site, subscriber)
        if subscriber is not None and is_done:
            _keep(session, site, subscriber, only, interview)
            reconcile(session, subscriber.id, catalog=app.catalog, now=now)
        door = interview or (_door(site, subscriber) if subscriber and is_done else None)
    title, words = KEPT[INTERVIEW if interview else only] if is_done else OVER
    plan_path = f"/plan/{app.links.sign(Purpose.PLAN, door.id)}" if door and is_done else ""
    return site.page("kept.html", title=title, words=words, plan_path=plan_path)


def goodbye(request: Request, site: Site, identity: int, *, is_page: bool) -> Response:
    """The page that says it is done. To a person who pressed our button it offers what else they may have
    meant; to the one click of a mail program, and of anybody erased, it says no more than that."""
    with site.application.database.read() as session:
        subscriber = person_behind(session, identity) if is_page else None
        choices = _choices(session, site, subscriber) if subscriber else []
    if not choices:
        return site.page("unsubscribed.html", choices=[], token="", form_token="")
    token = site.application.links.sign(Purpose.KEEP, identity)
    return site.form_page(request, "unsubscribed.html", choices=choices, token=token)


def _choices(session: Session, site: Site, subscriber: Subscriber) -> list[tuple[str, str]]:
    """What could go on, as the value of a button and its words."""
    if not _is_open(session, site, subscriber):
        return []
    interviews = _coming(site, subscriber)
    choices = [
        (
            f"{INTERVIEW}{each.id}",
            gettext("Only the emails about %(day)s") % {"day": dates.day(each.held_on)},
        )
        for each in interviews
    ]
    if lists_of(session, subscriber.id):
        choices.append((NEWSLETTER, gettext("Only the newsletter")))
    return [*choices, (EVERYTHING, gettext("It was a mistake: take it back"))] if choices else []


def _is_open(session: Session, site: Site, subscriber: Subscriber) -> bool:
    found = find_suppression(session, subscriber.address_hmac or "")
    return (
        found is not None and found.reason == Reason.UNSUBSCRIBED and site.now - found.created_at <= OPEN_FOR
    )


def _coming(site: Site, subscriber: Subscriber) -> list[Interview]:
    """Their interviews that still have emails to come, nearest first."""
    found = [
        each
        for each in subscriber.interviews
        if each.confirmed_at and not each.canceled_at and not each.forgotten_at
    ]
    return sorted(found, key=lambda each: abs(each.starts_at - site.now))[:MOST_INTERVIEWS]


def _chosen(site: Site, subscriber: Subscriber, only: str) -> Interview | None:
    """The interview that `only` names; None for the other two. Raises InvalidFields for anything else."""
    if only in (EVERYTHING, NEWSLETTER):
        return None
    for each in _coming(site, subscriber):
        if only == f"{INTERVIEW}{each.id}":
            return each
    raise InvalidFields({"only": "please use one of the buttons"})


def _keep(
    session: Session, site: Site, subscriber: Subscriber, only: str, interview: Interview | None
) -> None:
    if interview is not None:
        keep_only_interview(session, subscriber, interview, now=site.now)
    elif only == NEWSLETTER:
        keep_only_newsletter(session, subscriber, now=site.now)
    else:
        come_back(session, subscriber, now=site.now)


def _door(site: Site, subscriber: Subscriber) -> Interview | None:
    return next(iter(_coming(site, subscriber)), None)
