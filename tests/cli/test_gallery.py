"""The gallery: every email on every screen, for sample readers and for one of the visitor's choice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Thread

import httpx
import pytest
import uvicorn
from terminals import Terminal

from campaigns import Brand, Catalog
from delivery.inbox import read_outbox
from runup.gallery import Gallery, write_gallery
from runup.gallery.app import create_gallery
from runup.gallery.readers import try_reader
from runup.gallery.wordings import on_screen
from runup.serving import listen
from scheduler import Sender

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
BRAND = Brand(name="runup", postal_address="1 Example Street", site_url="https://runup.example.com")
KEY = "second_interview"


@pytest.fixture(scope="module")
def gallery() -> Gallery:
    sender = Sender(address="hello@runup.example.com", name="runup")
    return Gallery(Catalog(brand=BRAND), KEY, sender=sender, now=NOW)


@pytest.fixture(scope="module")
def browser(gallery: Gallery) -> Iterator[httpx.Client]:
    listener = listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(create_gallery(gallery), log_config=None, lifespan="off"))
    thread = Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
        yield client
    server.should_exit = True
    thread.join(timeout=30)


def test_every_email_of_the_campaign_is_there(gallery: Gallery, browser: httpx.Client) -> None:
    index = browser.get("/").text
    assert all(f'data-step="{step.key}"' in index for step in gallery.sequence.steps)
    assert all(shelf.wordings for shelf in gallery.shelves)
    assert all(f"emails/{name}.html" in index for name in gallery.wordings)


def test_a_page_shows_four_screens_the_text_and_the_headers(browser: httpx.Client) -> None:
    page = browser.get("/emails/salary-01.html").text
    assert page.count("<iframe") == 4
    assert page.count("salary-01.dark.html") == 2
    assert "List-Unsubscribe" in page
    assert "1 Example Street" in page
    assert "--branch 1<" in page


def test_pages_run_no_script_of_theirs_and_emails_none_at_all(browser: httpx.Client) -> None:
    for path in ("/", "/emails/salary-01.html", "/try/salary"):
        answer = browser.get(path)
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert "<style" not in answer.text
        assert answer.text.count("<script") == 1
    frame = browser.get("/frames/salary-01.dark.html")
    assert "script-src" not in frame.headers["Content-Security-Policy"]
    assert frame.headers["Content-Security-Policy"].endswith("sandbox")


@pytest.mark.parametrize(
    "path",
    ["/emails/no.html", "/frames/salary-01.exe", "/static/site.js", "/try/nope", "/try/salary/pink.html"],
)
def test_what_is_not_there_is_not_found(browser: httpx.Client, path: str) -> None:
    assert browser.get(path).status_code == 404


def test_no_other_site_can_reach_it_under_a_name_of_its_own(browser: httpx.Client) -> None:
    assert browser.get("/", headers={"Host": "evil.example.com"}).status_code == 400


def test_light_and_dark_do_not_depend_on_the_browser(gallery: Gallery) -> None:
    html = gallery.wordings["salary-01"].content.html
    assert "prefers-color-scheme" in html
    assert "prefers-color-scheme" not in on_screen(html, "dark") + on_screen(html, "light")
    assert "@media all" in on_screen(html, "dark")
    assert "@media all" not in on_screen(html, "light")


def test_a_sample_plan_holds_this_campaign_s_own_emails(gallery: Gallery) -> None:
    texts = [wording.content.text for wording in gallery.wordings.values() if wording.step.key == "welcome"]
    before = [text for text in texts if "WHAT YOU WILL GET" in text and "IF THE DATE MOVES" in text]
    after = [text for text in texts if "WHAT YOU WILL GET" in text and "SOMETHING HAS CHANGED?" in text]
    assert any("Your checklist" in text or "Good luck: five lines" in text for text in before)
    assert after
    assert all("Time for a friendly nudge?" in text for text in after)
    assert not any("checklist" in text for text in after)


# -- a reader of the visitor's choice ------------------------------------------------------------------------


def test_the_planner_says_when_this_reader_gets_it(browser: httpx.Client) -> None:
    page = browser.get("/try/day_before?day=2026-12-04&time=14:00&joined=2026-11-23&name=Zo%C3%AB").text
    assert "Leaves Thursday 3 December, 16:0" in page
    assert "Hi Zoë" in page


def test_it_says_why_this_reader_does_not_get_it(browser: httpx.Client) -> None:
    page = browser.get("/try/morning?day=2026-12-04&time=08:00").text
    assert "This reader does not get it" in page
    assert "home_start_time" in page


def test_a_catch_up_depends_on_the_day_of_joining(gallery: Gallery) -> None:
    step = gallery.sequence.step("catchup")
    late = try_reader(
        {"day": "2026-12-04", "joined": "2026-12-01"}, step, gallery.sequence, brand=BRAND, today=NOW.date()
    )
    assert late.context.merged[:3] == ("details", "people", "format")
    early = try_reader(
        {"day": "2026-12-24", "joined": "2026-12-01"}, step, gallery.sequence, brand=BRAND, today=NOW.date()
    )
    assert (early.leaves_at, early.context.merged) == (None, ())


def test_the_frame_shows_the_same_reader_on_a_dark_screen(browser: httpx.Client) -> None:
    frame = browser.get("/try/salary/dark.html?name=Kiri&home=Pacific/Kiritimati").text
    assert "Kiri" in frame
    assert "@media all" in frame


def test_a_value_that_cannot_be_is_told_at_its_field(browser: httpx.Client) -> None:
    page = browser.get("/try/salary?day=2026-02-30&home=Mars&mode=%3Cscript%3E&time=25:00").text
    assert page.count('class="error"') == 3
    assert "no day of the calendar" in page
    assert "<script>" not in page


@pytest.mark.parametrize("step", ["confirm", "moved", "canceled", "goodbye", "offer", "rejected", "farewell"])
def test_every_kind_of_step_finds_the_occasion_it_answers(gallery: Gallery, step: str) -> None:
    outcome = step if step in ("offer", "rejected") else ""
    sequence = gallery.sequence
    tried = try_reader(
        {"outcome": outcome}, sequence.step(step), sequence, brand=BRAND, today=date(2026, 11, 23)
    )
    assert tried.leaves_at is not None, tried.why_not


# -- as files, and in one's own inbox ------------------------------------------------------------------------


def test_the_export_works_from_disk(gallery: Gallery, tmp_path: Path) -> None:
    count = write_gallery(gallery, tmp_path)
    assert count == len(list((tmp_path / "emails").iterdir())) == len(gallery.wordings)
    page = (tmp_path / "emails" / "salary-01.html").read_text("utf-8")
    assert "/try/" not in page
    for link in ("../static/gallery.css", "../frames/salary-01.light.html", "../frames/salary-01.eml"):
        assert link in page
        assert (tmp_path / "emails" / link).resolve().is_file()


@pytest.mark.parametrize("branch", ["2", "nothing told", "told nothing"])
def test_any_branch_is_sent_to_oneself(runup: Terminal, branch: str) -> None:
    out = runup.ok("send-test", "ana@example.com", "salary", "--branch", branch).out
    (email,) = read_outbox(runup.folder / "outbox")
    assert "Branch 2: nothing told" in out
    assert "Hello," in email.text
    assert email.subject == "[test] " + email.subject.removeprefix("[test] ")


def test_a_branch_nobody_is_in_is_refused_with_names(runup: Terminal) -> None:
    result = runup("send-test", "ana@example.com", "salary", "--branch", "mode carrier pigeon")
    assert (result.code, "no sample reader" in result.err, "everything told" in result.err) == (2, True, True)


# -- in other languages --------------------------------------------------------------------------------------


def test_each_email_is_shown_in_german_too(gallery: Gallery, browser: httpx.Client) -> None:
    index = browser.get("/").text
    assert '<option value="en" selected>English</option><option value="de">Deutsch</option>' in index
    assert index.count('data-language="de"') == index.count('data-language="en"') == gallery.emails
    page = browser.get("/emails/salary-de-01.html").text
    assert "Über das Geld" in page
    assert "--branch 1 --language de<" in page
    assert 'lang="de"' in browser.get("/frames/salary-de-01.dark.html").text


def test_a_sample_plan_is_told_in_the_language_of_the_email(gallery: Gallery) -> None:
    german = [one.content.text for one in gallery.wordings.values() if one.name.startswith("welcome-de-")]
    assert any("Viel Glück: fünf Zeilen" in text for text in german)
    assert not any("Good luck" in text for text in german)


def test_a_reader_of_one_s_choice_may_read_german(browser: httpx.Client) -> None:
    page = browser.get("/try/day_before?day=2026-12-04&time=14:00&joined=2026-11-23&language=de").text
    assert "Checkliste für Freitag" in page
    assert '<option value="de" selected>Deutsch</option>' in page
    assert "Checklist for Friday" in browser.get("/try/day_before?day=2026-12-04&language=xx").text


def test_a_test_email_goes_out_in_german(runup: Terminal) -> None:
    out = runup.ok("send-test", "ana@example.com", "salary", "--language", "de").out
    (email,) = read_outbox(runup.folder / "outbox")
    assert email.subject == "[test] Über das Geld"
    assert "Über das Geld" in out


def test_a_language_the_email_is_not_in_is_refused(runup: Terminal) -> None:
    result = runup("send-test", "ana@example.com", "salary", "--language", "fr")
    assert result.code == 2
    assert "--language: 'salary' is not written in 'fr'; it is in en, de" in result.err
    assert list(read_outbox(runup.folder / "outbox")) == []
