# ruff: noqa: E501 - the validator's own messages
"""Outside opinions on every email: spam filters, the HTML validator of the W3C, axe. `make check-emails` runs it.

    python tests/support/check_emails.py FOLDER [CAMPAIGN...]

FOLDER is where npm put `axe-core` and `vnu-jar` (`node_modules` in it); emails are written there too. Asks
SpamAssassin and, where one answers, rspamd. Ends with code 1 when a filter gives a point, the validator has
something to say that is not listed here, or axe finds anything. A campaign is a key or a folder.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from campaigns import Brand, Catalog
from runup.gallery import Gallery, write_gallery
from scheduler import Sender

MOST_POINTS = 1.0
BRAND = Brand(name="runup", postal_address="1 Example Street, 12345 Exampletown", site_url="https://runup.example.com")  # fmt: skip
SENDER = Sender(address="hello@runup.example.com", name="runup")
ACCEPTED = {
    r"The “(align|bgcolor|border|cellpadding|cellspacing|height|valign|width)” attribute on the “\w+” element is obsolete": "the only layout that Outlook on Windows follows",
    r"Attribute “vertical-align” not allowed on element “td”": "MJML writes it beside the style that says the same",
    r"Attribute “xmlns:[vo]” not allowed here": "Outlook's drawings and settings",
    r"Attribute with the local name “xmlns:[vo]” is not serializable": "Outlook's drawings and settings",
    r"CSS: “mso-[\w-]+”: Property .* doesn't exist": "Outlook's own properties",
    r"CSS: “-(ms|webkit|moz)-[\w-]+”: ": "one mail client's own properties",
    r"CSS: “supported-color-schemes”: ": "Apple Mail's own property",
    r"CSS: .*(is a vendor extension|deprecated)": "one mail client's own properties",
    r"The “type” attribute for the “style” element is not needed": "harmless",
    r"Trailing slash on void elements": "harmless",
}  # fmt: skip
"""Messages of the validator that stay, and why. Everything else counts."""
LANDMARKS = ("landmark-one-main", "region", "page-has-heading-one", "meta-viewport")
"""Rules for pages: an email stands inside one."""


def main(arguments: list[str]) -> int:
    if not arguments:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    folder = Path(arguments[0])
    emails = folder / "emails"
    shutil.rmtree(emails, ignore_errors=True)
    for campaign in arguments[1:] or ["second_interview", str(files("templates") / "_examples" / "exam")]:
        write_emails(campaign, emails)
    wrong = [*spamassassin(emails), *rspamd(emails), *vnu(folder, emails), *axe(folder, emails)]
    for line in wrong:
        say(f"  {line}")
    say("nothing to put right" if not wrong else f"{len(wrong)} things to put right")
    return 1 if wrong else 0


def write_emails(campaign: str, folder: Path) -> None:
    own = Path(campaign)
    catalog = Catalog(folder=own.parent if own.is_dir() else None, brand=BRAND)
    gallery = Gallery(catalog, own.name, sender=SENDER, now=datetime.now(UTC))
    (folder / own.name).mkdir(parents=True)
    say(f"{own.name}: {write_gallery(gallery, folder / own.name)} wordings of {gallery.emails} emails")


def spamassassin(folder: Path) -> Iterator[str]:
    """All messages in one run, without asking the network."""
    messages = sorted(folder.glob("*/frames/*.eml"))
    done = subprocess.run(
        ["spamassassin", "-L", "-t", *map(str, messages)], capture_output=True, text=True, check=True
    )
    scores = [float(score) for score in re.findall(r"^Content analysis details:\s+\((-?[\d.]+) points", done.stdout, re.M)]  # fmt: skip
    assert len(scores) == len(messages), f"{len(scores)} answers to {len(messages)} messages"
    rules = Counter(re.findall(r"^\s*-?[\d.]+ ([A-Z][A-Z0-9_]+)", done.stdout, re.M))
    say(f"SpamAssassin: {min(scores):.1f} to {max(scores):.1f} points; rules: {dict(rules)}")
    for message, score in zip(messages, scores, strict=True):
        if score >= MOST_POINTS:
            yield f"SpamAssassin gives {score} points to {message}"


def rspamd(folder: Path) -> Iterator[str]:
    """Where a server of it listens on this machine; without one the others are asked alone, and it says so."""
    if not shutil.which("rspamc"):
        say("rspamd: NOT ASKED, it is not installed (Debian: sudo apt-get install rspamd)")
        return
    if subprocess.run(["rspamc", "stat"], capture_output=True, check=False).returncode:
        say("rspamd: NOT ASKED, none is running (in another terminal: sudo rspamd -f -u _rspamd -g _rspamd)")
        return
    messages = sorted(folder.glob("*/frames/*.eml"))
    done = subprocess.run(
        ["rspamc", "--json", "--compact", "-n", "1", *map(str, messages)],
        capture_output=True,
        text=True,
        check=True,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    scores = [answer["score"] for answer in answers]
    assert len(scores) == len(messages), f"{len(scores)} answers to {len(messages)} messages"
    rules = Counter(name for one in answers for name, symbol in one["symbols"].items() if symbol["score"])
    actions = Counter(one["action"] for one in answers)
    say(f"rspamd: {min(scores):.1f} to {max(scores):.1f} points, {dict(actions)}; rules: {dict(rules)}")
    for message, answer in zip(messages, answers, strict=True):
        if answer["action"] != "no action":
            yield f"rspamd wants to {answer['action']} {message}"


def vnu(folder: Path, emails: Path) -> Iterator[str]:
    """The Nu HTML checker on the email as it leaves."""
    jar = folder / "node_modules" / "vnu-jar" / "build" / "dist" / "vnu.jar"
    pages = [page for page in sorted(emails.glob("*/frames/*.html")) if page.name.count(".") == 1]
    done = subprocess.run(
        ["java", "-Xss4m", "-jar", str(jar), "--format", "json", "--exit-zero-always", *map(str, pages)],
        capture_output=True,
        text=True,
        check=True,
    )
    messages: list[dict[str, Any]] = json.loads(done.stderr)["messages"]
    kept = Counter(why for one in messages if (why := _accepted(one["message"])))
    say(f"vnu: {len(pages)} documents; {sum(kept.values())} accepted messages: {dict(kept)}")
    for message, count in Counter(
        one["message"] for one in messages if not _accepted(one["message"])
    ).items():
        where = next(one["url"] for one in messages if one["message"] == message)
        yield f"vnu, {count} times: {message} ({Path(where).name})"


def _accepted(message: str) -> str:
    return next((why for pattern, why in ACCEPTED.items() if re.match(pattern, message)), "")


def _different(pages: Iterable[Path]) -> Iterator[Path]:
    """One page of each build: those that differ in their words alone look alike to axe."""
    seen: set[str] = set()
    for page in pages:
        build = re.sub(r">[^<]*<", "><", page.read_text("utf-8"))
        if build not in seen:
            seen.add(build)
            yield page


def axe(folder: Path, emails: Path) -> Iterator[str]:
    """axe-core on every build of every email, on a light and on a dark screen, on a phone."""
    script = (folder / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")
    rules = {name: {"enabled": False} for name in LANDMARKS}
    found: Counter[str] = Counter()
    pages = list(
        _different(page for page in sorted(emails.glob("*/frames/*.html")) if page.name.count(".") == 2)
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"), args=["--no-sandbox"]
        )
        tab = browser.new_page(viewport={"width": 375, "height": 800})
        tab.route(re.compile("^https?:"), lambda route: route.abort())
        for page in pages:
            tab.goto(page.resolve().as_uri())
            tab.evaluate(script)
            answer = tab.evaluate("rules => axe.run(document, {rules})", rules)
            for violation in answer["violations"]:
                for node in violation["nodes"]:
                    found[f"axe, {violation['id']}: {node['html'][:110]} ({page.name})"] += 1
        browser.close()
    say(f"axe: {len(pages)} documents, {sum(found.values())} violations")
    yield from list(found)[:50]


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
