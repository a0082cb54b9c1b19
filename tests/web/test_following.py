"""Counted links and pictures, against a running server: where they lead, and whom they count."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import httpx
import pytest
from many_sends import fill
from sqlalchemy import select

from campaigns import Catalog
from runup.application import Application
from runup.reports import Period, report
from scheduler import Send, State, reconcile
from scheduler.marking import digest_of, identity_of
from scheduler.reaction import Reaction, ReactionKind
from scheduler.readers import reactions_of
from scheduler.reading import MOST, TOO_SOON, keep_targets
from subscribers import Purpose, Subscriber
from subscribers.own_data import erase

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Mobile Safari/604.1"
URLS = [f"https://jones.example.com/tips/{number}?a=1&b=2" for number in range(4)]


class Inbox:
    """Ana's phone, and an email of ours in it that left a while ago."""

    def __init__(self, application: Application, base_url: str) -> None:
        self.application = application
        self.http = httpx.Client(
            base_url=base_url, trust_env=False, headers={"User-Agent": PHONE}, timeout=60
        )
        with application.database.write() as session:
            fill(session, people=1, sends_each=1)
            self.send = session.scalars(select(Send)).one()
            left = application.clock() - timedelta(hours=1)
            self.send.state, self.send.reason = State.DELIVERED, "accepted"
            self.send.due_at = self.send.left_at = self.send.finished_at = left
            keep_targets(session, {digest_of(url): url for url in URLS}, now=left)

    def click(self, number: int = 0, method: str = "GET", **headers: str) -> httpx.Response:
        identity = identity_of(self.send.id, digest_of(URLS[number]))
        token = self.application.links.sign(Purpose.CLICK, identity)
        return self.http.request(method, f"/c/{token}", headers=headers)

    def open(self, **headers: str) -> httpx.Response:
        token = self.application.links.sign(Purpose.OPEN, self.send.id)
        return self.http.get(f"/o/{token}.gif", headers=headers)

    def verdicts(self, kind: str = ReactionKind.CLICKED) -> list[str]:
        with self.application.database.read() as session:
            found = select(Reaction.machine).where(Reaction.kind == kind).order_by(Reaction.id)
            return list(session.scalars(found))

    def people(self) -> tuple[int, int]:
        """Clicks and opens as the report has them."""
        with self.application.database.read() as session:
            now = self.application.clock() + timedelta(days=1)
            total = report(session, period=Period(None, now), catalog=Catalog(), now=now).total
        return total.clicked, total.opened


@pytest.fixture
def inbox(
    open_application: Callable[..., Application], serve: Callable[[Application], str]
) -> Iterator[Inbox]:
    application = open_application(count_clicks=True, count_opens=True)
    inbox = Inbox(application, serve(application))
    yield inbox
    inbox.http.close()


def test_a_click_leads_to_the_target_and_is_counted_once(inbox: Inbox) -> None:
    answer = inbox.click()
    assert (answer.status_code, answer.headers["location"]) == (302, URLS[0])
    assert answer.headers["cache-control"] == "no-store, private"
    assert answer.headers["referrer-policy"] == "no-referrer"
    inbox.click()
    assert inbox.verdicts() == ["", ""]
    assert inbox.people() == (1, 0)


def test_an_address_in_the_address_is_not_followed(inbox: Inbox) -> None:
    token = inbox.application.links.sign(Purpose.CLICK, identity_of(inbox.send.id, digest_of(URLS[0])))
    for more in (
        "?url=https://evil.example",
        "?u=//evil.example&redirect=https://evil.example",
        "?next=/ops",
    ):
        assert inbox.http.get(f"/c/{token}{more}").headers["location"] == URLS[0]


@pytest.mark.parametrize("where", ["c", "o"])
def test_an_unknown_link_is_the_page_that_says_so_and_leads_nowhere(inbox: Inbox, where: str) -> None:
    links = inbox.application.links
    unknown = links.sign(Purpose.CLICK, identity_of(inbox.send.id, digest_of("https://evil.example")))
    good = links.sign(Purpose.CLICK, identity_of(inbox.send.id, digest_of(URLS[0])))
    others = (links.sign(Purpose.PLAN, 1), links.sign(Purpose.UNSUBSCRIBE, inbox.send.id))
    changed = (good[:20], good[:-1] + ("A" if good[-1] != "A" else "B"))
    tokens = ("x", "https://evil.example", "//evil.example", "é", unknown, *changed, *others)
    for token in tokens:
        answer = inbox.http.get(f"/{where}/{token}" + (".gif" if where == "o" else ""))
        assert (answer.status_code, "location" in answer.headers) == (404, False), token
        assert "evil" not in answer.text
    assert inbox.verdicts() == []


def test_the_picture_is_fetched_anew_each_time_and_may_be_shown_elsewhere(inbox: Inbox) -> None:
    answer = inbox.open()
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/gif")
    assert answer.content.startswith(b"GIF89a")
    assert answer.headers["cache-control"] == "no-store, private"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert "set-cookie" not in answer.headers
    assert inbox.people() == (0, 1)


@pytest.mark.parametrize(
    ("headers", "verdict"),
    [
        ({"User-Agent": "Mozilla/5.0"}, "agent"),
        ({"User-Agent": "Mozilla/5.0 Firefox/11.0 (via ggpht.com GoogleImageProxy)"}, "agent"),
        ({"User-Agent": "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"}, "agent"),
        ({"User-Agent": "python-requests/2.33"}, "agent"),
        ({"User-Agent": ""}, "agent"),
        ({"Purpose": "prefetch"}, "prefetch"),
        ({"Sec-Purpose": "prefetch;prerender"}, "prefetch"),
        ({}, ""),
    ],
)  # fmt: skip
def test_machines_are_known_by_what_they_say(inbox: Inbox, headers: dict[str, str], verdict: str) -> None:
    assert inbox.click(**headers).status_code == 302
    inbox.open(**headers)
    assert inbox.verdicts() == inbox.verdicts(ReactionKind.OPENED) == [verdict]
    assert inbox.people() == ((0, 0) if verdict else (1, 1))


def test_what_looks_only_at_the_head_counts_nothing(inbox: Inbox) -> None:
    assert inbox.click(method="HEAD").headers["location"] == URLS[0]
    assert inbox.verdicts() == []


def test_nobody_reads_an_email_within_seconds_of_its_leaving(inbox: Inbox) -> None:
    with inbox.application.database.write() as session:
        session.get_one(Send, inbox.send.id).left_at = inbox.application.clock()
    inbox.click()
    inbox.application.clock.forward(seconds=TOO_SOON.total_seconds())
    inbox.click()
    assert inbox.verdicts() == ["too_soon", ""]


def test_whoever_follows_all_links_at_once_is_a_machine_from_the_first_on(inbox: Inbox) -> None:
    for number in range(4):
        inbox.click(number)
        inbox.application.clock.forward(seconds=1)
    assert inbox.verdicts() == ["at_once"] * 4
    assert inbox.people() == (0, 0)


def test_somebody_who_reads_on_is_a_person(inbox: Inbox) -> None:
    for number in range(4):
        inbox.click(number)
        inbox.application.clock.forward(seconds=20)
    assert inbox.verdicts() == [""] * 4


def test_repeating_it_fills_no_disk(inbox: Inbox) -> None:
    assert {inbox.click().status_code for _ in range(MOST + 5)} == {302}
    assert len(inbox.verdicts()) == MOST


def test_nothing_is_kept_of_who_asked(inbox: Inbox) -> None:
    inbox.click(
        **{"User-Agent": PHONE + "<script>alert(1)</script>", "Referer": "https://mail.example/<script>"}
    )
    with inbox.application.database.read() as session:
        kept = str(session.execute(select(Reaction.__table__)).all())
    assert "script" not in kept
    assert "Mozilla" not in kept
    assert "127.0.0.1" not in kept


def test_what_is_counted_of_somebody_is_theirs_to_read_and_gone_when_they_are(inbox: Inbox) -> None:
    inbox.click()
    inbox.open()
    app = inbox.application
    with app.database.write() as session:
        ana = session.get_one(Subscriber, inbox.send.subscriber_id)
        kept = [(row["kind"], row["url"]) for row in reactions_of(session, ana.id)]
        assert kept == [("clicked", URLS[0]), ("opened", None)]
        erase(session, ana, now=app.clock())
        reconcile(session, ana.id, catalog=app.catalog, now=app.clock())
    assert inbox.verdicts() == inbox.verdicts(ReactionKind.OPENED) == []
    inbox.application.clock.forward(hours=1)
    assert inbox.click().headers["location"] == URLS[0]
    assert inbox.verdicts() == []


def test_turned_off_links_still_lead_on_and_nobody_is_counted(
    open_application: Callable[..., Application], serve: Callable[[Application], str]
) -> None:
    application = open_application()
    inbox = Inbox(application, serve(application))
    assert inbox.click().headers["location"] == URLS[0]
    assert inbox.open().status_code == 200
    assert inbox.verdicts() == inbox.verdicts(ReactionKind.OPENED) == []
    assert "We count" not in inbox.http.get("/").text
    inbox.http.close()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"count_clicks": True}, "which links in our emails are clicked"),
        ({"count_opens": True}, "which of our emails are opened."),
        ({"count_clicks": True, "count_opens": True}, "opened, and which links in them are clicked"),
    ],
)
def test_who_signs_up_is_told_what_is_counted(
    open_application: Callable[..., Application],
    serve: Callable[[Application], str],
    settings: dict[str, bool],
    words: str,
) -> None:
    with httpx.Client(base_url=serve(open_application(**settings)), trust_env=False) as http:
        for page in ("/", "/newsletter"):
            assert words in http.get(page).text


def test_a_link_of_an_email_that_never_left_counts_nothing(inbox: Inbox) -> None:
    with inbox.application.database.write() as session:
        send = session.get_one(Send, inbox.send.id)
        send.state, send.reason, send.left_at = State.EXPIRED, "expired_outage", None
    assert inbox.click().status_code == 302
    huge = inbox.application.links.sign(Purpose.CLICK, identity_of(2**70, digest_of(URLS[0])))
    assert inbox.http.get(f"/c/{huge}").status_code == 302
    assert inbox.verdicts() == []
