"""Outside opinions on every page of the site: axe, and the HTML validator of the W3C. `make check-site` asks.

    python tests/support/check_site.py FOLDER

FOLDER is where npm put `axe-core` and `vnu-jar` (`node_modules` in it); the pages are written there too. Each
page is opened in Chromium as a phone and at a desk, light and dark, in English and German. Ends with code 1
when the validator or axe has anything to say.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from browsing import CHROMIUM, DESK, FLAGS, PHONE
from playwright.sync_api import BrowserContext, Page, Response, sync_playwright
from serving_site import serving

from campaigns.newsletter import IssueState, NewsletterIssue
from runup.application import Application
from runup.database import upgrade
from runup.settings import Settings
from scheduler import reconcile
from subscribers import Interview, Purpose, SignUp, confirm, sign_up

LOOKS = [
    (size, scheme, code)
    for size in (PHONE, DESK)
    for scheme in ("light", "dark")
    for code in ("en-US", "de-DE")
]
MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ACCEPTED = {
    "whose value is “hidden” must not have an “autocomplete” attribute": "or Firefox puts an old form token"
    " back into a page that is loaded again",
}
"""Messages of the validator that stay, and why."""
FORM = {"first_name": "Anastasia", "interview_date": "2026-12-04", "interview_time": "14:00",
        "home_zone": "Europe/Berlin", "interview_zone": "America/New_York", "consent": "yes"}  # fmt: skip


@dataclass
class Site:
    """A running site, and people in every state a page can show."""

    application: Application
    now: datetime = MONDAY
    people: int = 0

    def person(self, *, is_confirmed: bool = True) -> Interview:
        app, self.people = self.application, self.people + 1
        with app.database.write() as session:
            form = SignUp.parse(FORM | {"email": f"person{self.people}@example.com"}, now=self.now)
            more = {"hmac_key": app.hmac_key, "now": self.now, "source": "form"}
            interview = sign_up(session, form, campaign=app.settings.campaign, **more)  # type: ignore[arg-type]
            if is_confirmed:
                confirm(session, interview, now=self.now)
            reconcile(session, interview.subscriber_id, catalog=app.catalog, now=self.now)
        return interview

    def issue(self) -> None:
        now = self.now
        with self.application.database.write() as session:
            session.add(
                NewsletterIssue(
                    list_key="newsletter",
                    slug="december",
                    subject="What helped in December",
                    text="Dear reader,\n\nask early.\nMore: https://example.com/" + "long/" * 40,
                    state=IssueState.SENT,
                    is_public=True,
                    created_at=now,
                    sent_at=now,
                )
            )

    def path(self, purpose: Purpose, identity: int) -> str:
        return f"/{purpose}/{self.application.links.sign(purpose, identity)}"


@dataclass
class Findings:
    """What axe said of each page; the pages' own source is kept for the validator."""

    script: str
    folder: Path
    violations: Counter[str] = field(default_factory=Counter)
    pages: int = 0

    def look(self, page: Page, name: str, response: Response | None) -> None:
        assert response is not None, name
        self.pages += 1
        (self.folder / f"{name}.html").write_text(response.text(), "utf-8")
        page.evaluate(self.script)
        for violation in page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]:
            for node in violation["nodes"]:
                self.violations[f"axe, {violation['id']}: {node['html'][:140]} ({name})"] += 1


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    folder = Path(arguments[0])
    pages = folder / "pages"
    shutil.rmtree(pages, ignore_errors=True)
    pages.mkdir(parents=True)
    script = (folder / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")
    findings = Findings(script, pages)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        for size, scheme, code in LOOKS:
            context = browser.new_context(viewport=size, color_scheme=scheme, locale=code, bypass_csp=True)  # type: ignore[arg-type]
            walk(context, findings, f"{code[:2]}-{'phone' if size is PHONE else 'desk'}-{scheme}")
            context.close()
        browser.close()
    wrong = [*findings.violations, *vnu(folder, pages)]
    say(f"axe: {findings.pages} pages, {sum(findings.violations.values())} violations")
    for line in wrong:
        say(f"  {line}")
    say("nothing to put right" if not wrong else f"{len(wrong)} things to put right")
    return 1 if wrong else 0


def walk(context: BrowserContext, findings: Findings, look: str) -> None:
    """Every page once, with one look, on a fresh site."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), secret_keys=("k" * 40,), suppression_key="s" * 40)  # type: ignore[arg-type]
        site = Site(Application.open(settings, clock=lambda: site.now))
        upgrade(site.application.database)
        with serving(site.application) as address:
            page = context.new_page()
            for name, response in visit(site, page, address):
                findings.look(page, f"{name}-{look}", response)
        site.application.close()


def visit(site: Site, page: Page, address: str) -> Iterator[tuple[str, Response | None]]:
    def press(selector: str) -> Response:
        with page.expect_navigation() as gone:
            page.locator(selector).first.click()
        return gone.value

    pending, ana, sam = site.person(is_confirmed=False), site.person(), site.person()
    site.issue()
    plan, confirming = site.path(Purpose.PLAN, ana.id), site.path(Purpose.CONFIRM, pending.id)
    leaving = site.path(Purpose.UNSUBSCRIBE, ana.subscriber_id)
    for name, path in {
        "landing": "/",
        "landing-late": "/?date=2026-11-25&time=14:00&zone=Europe/Berlin",
        "check-your-inbox": "/check-your-inbox",
        "confirm": confirming,
        "confirmed-already": site.path(Purpose.CONFIRM, ana.id),
        "plan": f"{plan}?done=confirmed",
        **{f"plan-{part}": f"{plan}/{part}" for part in PARTS},
        "deleted": "/deleted",
        "unsubscribe": leaving,
        "archive": "/newsletter/archive",
        "archive-issue": "/newsletter/archive/newsletter/december",
        "not-found": "/confirm/forged",
    }.items():
        yield name, page.goto(address + path)
    page.goto(f"{address}/")
    yield "landing-errors", press("form[action='/sign-up'] button.primary")
    page.goto(f"{address}{plan}/cancel")
    page.context.clear_cookies()
    yield "sent-too-late", press("button.danger")
    site.now += timedelta(days=5)
    yield "confirm-expired", page.goto(address + confirming)
    page.goto(address + site.path(Purpose.UNSUBSCRIBE, sam.subscriber_id))
    yield "unsubscribed", press("button.primary")
    yield "kept", press(".choices button")
    page.goto(f"{address}{site.path(Purpose.PLAN, sam.id)}/cancel")
    yield "plan-canceled", press("button.danger")
    site.now += timedelta(days=8)
    yield "plan-past", page.goto(address + plan)


PARTS = ("move", "details", "zone", "decision", "outcome", "pause", "newsletter", "stop", "cancel", "delete")


def vnu(folder: Path, pages: Path) -> Iterator[str]:
    """The Nu HTML checker on every page as it left the site."""
    jar = folder / "node_modules" / "vnu-jar" / "build" / "dist" / "vnu.jar"
    files = sorted(map(str, pages.glob("*.html")))
    done = subprocess.run(
        ["java", "-jar", str(jar), "--format", "json", "--exit-zero-always", *files],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ,
    )
    found: list[dict[str, Any]] = json.loads(done.stderr)["messages"]
    messages = [one for one in found if not any(part in one["message"] for part in ACCEPTED)]
    say(f"vnu: {len(files)} pages, {len(messages)} messages, {len(found) - len(messages)} accepted")
    for message, count in Counter(one["message"] for one in messages).items():
        where = next(one for one in messages if one["message"] == message)
        yield f"vnu, {count} times: {message} ({Path(where['url']).name}:{where.get('lastLine')})"


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
