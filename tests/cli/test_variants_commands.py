"""An operator tries two subjects: looks at them, sends one to herself, reads what would happen to whom."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select
from terminals import Terminal

from campaigns.newsletter import NewsletterIssue
from delivery.inbox import read_outbox
from runup.application import Application
from runup.settings import Settings
from scheduler.tending import begin

KEY = "course"
QUESTION = "Have you packed?"
DECLARED = f"""decide   = {{ by = "clicks", people = 10 }}
variants = [{{ key = "plain" }}, {{ key = "question", subject = "{QUESTION}" }}]
"""


@pytest.fixture
def course(runup: Terminal) -> Path:
    """A small campaign of the operator's own, with Ana and Kiri on it, where clicks are counted."""
    runup.ok("campaigns", "new", KEY)
    settings = runup.folder / "runup.toml"
    settings.write_text(f'{settings.read_text("utf-8")}\ncampaign = "{KEY}"\ncount_clicks = true\n', "utf-8")
    for name, zone in (("ana", "Europe/Berlin"), ("kiri", "Pacific/Kiritimati")):
        runup.ok(
            "subscribers", "add", f"{name}@example.com", "--date", "2026-12-04", "--time", "14:00",
            "--zone", zone, "--consent-proof", "course form 7",
        )  # fmt: skip
    return runup.folder / "templates" / KEY


def declare(course: Path, variants: str = DECLARED) -> None:
    """Two subjects for the eve."""
    file = course / "sequence.toml"
    head, key, rest = file.read_text("utf-8").partition('key      = "eve"\n')
    assert key
    file.write_text(f"{head}{key}{variants}{rest}", "utf-8")


@pytest.fixture
def trying(course: Path, runup: Terminal) -> Terminal:
    """The variants are in force."""
    declare(course)
    runup.ok("campaigns", "apply")
    return runup


def test_clicks_that_nobody_counts_decide_nothing(trying: Terminal) -> None:
    assert "0 errors" in trying.ok("campaigns", "check").out
    settings = trying.folder / "runup.toml"
    settings.write_text(settings.read_text("utf-8").replace("count_clicks = true", ""), "utf-8")
    result = trying("campaigns", "check")
    assert result.code == 1
    assert "step 'eve': is decided by clicks, and none are counted; set count_clicks = true" in result.out
    doctor = trying("doctor", "--json").json
    (found,) = [one for one in doctor if one["subject"] == "variants"]
    assert (found["level"], "course/eve wait for clicks" in found["words"]) == ("failed", True)


def test_one_variant_lands_in_her_own_inbox(trying: Terminal) -> None:
    out = trying.ok("send-test", "ana@example.com", "eve", "--variant", "question").out
    assert "Variant: question" in out
    trying.ok("send-test", "ana@example.com", "eve")
    subjects = [email.subject for email in read_outbox(trying.folder / "outbox")]
    assert subjects[0] == f"[test] {QUESTION}"
    assert subjects[1] != subjects[0]
    wrong = trying("send-test", "ana@example.com", "eve", "--variant", "qestion")
    assert (wrong.code, "did you mean question?" in wrong.err) == (2, True)
    assert "it has none" in trying("send-test", "ana@example.com", "welcome", "--variant", "x").err


def test_the_gallery_shows_both_and_what_to_type_for_each(trying: Terminal, tmp_path: Path) -> None:
    trying.ok("preview", "--step", "eve", "--export", tmp_path / "seen")
    index = (tmp_path / "seen" / "index.html").read_text("utf-8")
    assert "variant <code>plain</code>" in index
    assert "variant <code>question</code>" in index
    assert "50 % of its readers get this variant" in index
    page = (tmp_path / "seen" / "emails" / "eve@question-01.html").read_text("utf-8")
    assert QUESTION in page
    assert "--variant question" in page


def test_explain_says_which_one_falls_to_her_and_a_simulation_agrees(trying: Terminal) -> None:
    row = next(one for one in trying.ok("explain", "ana@example.com", "--json").json if one["step"] == "eve")
    assert row["variant"]["key"] in ("plain", "question")
    assert not row["variant"]["has_won"]
    told = trying.ok("explain", "ana@example.com", "eve").out
    assert f"{row['variant']['key']}, as it falls to them" in told
    welcome = trying.ok("explain", "ana@example.com", "welcome", "--json").json
    assert [one["variant"] for one in welcome] == [None]


def test_a_plan_tells_of_variants_that_come_and_of_other_shares(course: Path, runup: Terminal) -> None:
    declare(course)
    told = "variants plain 50 %, question 50 %, decided by clicks within 3d, once 10 people have each variant"
    assert f"~ eve: {told}; was: no variants" in runup.ok("campaigns", "plan").out
    runup.ok("campaigns", "apply")
    file = course / "sequence.toml"
    uneven = file.read_text("utf-8").replace('"plain" }', '"plain", share = 90 }')
    file.write_text(uneven.replace('"question", s', '"question", share = 10, s'), "utf-8")
    assert "~ eve: variants plain 90 %, question 10 %" in runup.ok("campaigns", "plan").out


def test_how_it_stands_is_told_in_people_and_nothing_is_decided_by_looking(trying: Terminal) -> None:
    (one,) = trying.ok("campaigns", "variants", "--json").json
    assert one | {"began_at": ""} == {
        "campaign": "course", "step": "eve", "by": "clicks", "began_at": "", "judged_at": None,
        "winner": None,
        "rule": "clicks within 3d, once 10 people have each variant", "better": None, "decided_at": None,
        "decided_by": None, "needs": {"plain": 10, "question": 10},
        "verdict": "No decision yet: it needs 10 more for plain, 10 more for question.",
        "variants": [
            {"key": key, "share": 50, "people": 0, "delivered": 0, "answered": 0, "rate": None, "low": None,
             "high": None}
            for key in ("plain", "question")
        ],
        "differences": [{"variant": "question", "against": "plain", "low": -1.0, "high": 1.0}],
    }  # fmt: skip
    out = trying.ok("campaigns", "variants", "course", "eve").out
    assert "course/eve is decided by clicks within 3d, once 10 people have each variant" in out
    assert "eve\tplain\t50 %\t0\t0\t0\t-\t-" in out
    wrong = trying("campaigns", "variants", "course", "evening")
    assert (wrong.code, "course has no step 'evening'" in wrong.err) == (2, True)


def test_she_decides_herself_and_everybody_who_comes_after_gets_it(trying: Terminal) -> None:
    asked = trying("campaigns", "decide", "course", "eve", "question")
    assert (asked.code, "say --yes where nobody can be asked" in asked.err) == (2, True)
    said = trying.ok("campaigns", "decide", "course", "eve", "question", "--by", "maria", "--yes").out
    assert said == "Decided on 2026-11-23 by maria: question gets everybody who comes after.\n"
    (one,) = trying.ok("campaigns", "variants", "--json").json
    assert (one["winner"], one["decided_by"]) == ("question", "maria")
    rows = trying.ok("explain", "ana@example.com", "--json").json
    assert [row["variant"] for row in rows if row["step"] == "eve"] == [{"key": "question", "has_won": True}]
    assert "question, which has won" in trying.ok("explain", "ana@example.com", "eve").out
    for words, message in (
        (("course", "eve", "questoin"), "did you mean question?"),
        (("course", "eve", "question"), "has won already; nothing was changed"),
        (("course", "welcome", "plain"), "course/welcome has no variants in the version in force"),
    ):
        wrong = trying("campaigns", "decide", *words, "--yes")
        assert (wrong.code, message in wrong.err) == (2, True), wrong.err


def test_a_campaign_without_variants_says_so(runup: Terminal) -> None:
    runup.ok("campaigns", "new", KEY)
    assert runup.ok("campaigns", "variants", KEY).rows == []
    assert runup.ok("campaigns", "variants", KEY, "--json").json == []


HEAD = """+++
subject = "Four questions"
variants = [{ key = "plain" }, { key = "one", subject = "One question" }]
decide = { by = "clicks", first = 50, within = "4h" }
+++

# Four questions

Ask them.
"""


@pytest.fixture
def issue(runup: Terminal) -> Terminal:
    """Ana and Kiri are on the list, clicks are counted, and there is an issue with two subjects."""
    settings = runup.folder / "runup.toml"
    settings.write_text(f"{settings.read_text('utf-8')}\ncount_clicks = true\n", "utf-8")
    (runup.folder / "people.csv").write_text(
        "email,home_zone,list,consent_at,consent_proof\n"
        "ana@example.com,Europe/Berlin,newsletter,2026-11-01,paper form 1\n"
        "kiri@example.com,Pacific/Kiritimati,newsletter,2026-11-01,paper form 2\n"
    )
    runup.ok("subscribers", "import", "people.csv", "--confirmed")
    file = runup.folder / "newsletters" / "newsletter" / "december.md"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(HEAD, "utf-8")
    return runup


def test_an_issue_with_two_subjects_is_looked_at_tried_and_approved(issue: Terminal, tmp_path: Path) -> None:
    assert "0 errors" in issue.ok("newsletters", "check", "december").out
    issue.ok("newsletters", "preview", "december", "--export", tmp_path / "seen")
    page = (tmp_path / "seen" / "emails" / "newsletter-december@one-01.html").read_text("utf-8")
    assert "One question" in page
    assert "--variant one" in page
    issue.ok("newsletters", "send-test", "december", "ana@example.com", "--variant", "one")
    assert [email.subject for email in read_outbox(issue.folder / "outbox")] == ["[test] One question"]
    wrong = issue("newsletters", "send-test", "december", "ana@example.com", "--variant", "onne")
    assert (wrong.code, "did you mean one?" in wrong.err) == (2, True)
    early = issue("newsletters", "variants", "december")
    assert (early.code, "is not approved yet" in early.err) == (2, True)
    issue.ok("newsletters", "approve", "december", "--yes")
    early = issue("newsletters", "variants", "december")
    assert (early.code, "has not begun to leave; it is approved" in early.err) == (2, True)
    settings = issue.folder / "runup.toml"
    settings.write_text(settings.read_text("utf-8").replace("count_clicks = true", ""), "utf-8")
    assert "set count_clicks = true" in issue("newsletters", "check", "december").out


def test_she_reads_how_the_issue_stands_and_decides_herself(issue: Terminal) -> None:
    issue.ok("newsletters", "approve", "december", "--yes")
    issue.ok("newsletters", "schedule", "december", "--at", "now")
    application = Application.open(Settings.load())
    with application.database.write() as session:
        begin(session, session.scalars(select(NewsletterIssue.id)).one(), now=application.clock())
    application.close()
    told = issue.ok("newsletters", "variants", "december", "--json").json
    assert (told["campaign"], told["step"], told["rule"]) == (
        "newsletter", "december", "clicks within 4h, by the first 50 % of the readers",
    )  # fmt: skip
    assert told["verdict"] == "No decision yet: its readers have until 2026-11-23 13:00 UTC."
    assert issue.ok("newsletters", "variants", "december").rows[0][:3] == ["december", "plain", "50 %"]
    said = issue.ok("newsletters", "decide", "december", "one", "--by", "maria", "--yes").out
    assert said == "Decided on 2026-11-23 by maria: one gets everybody who comes after.\n"
    again = issue("newsletters", "decide", "december", "one", "--yes")
    assert (again.code, "has won already" in again.err) == (2, True)
    wrong = issue("newsletters", "decide", "december", "onne", "--yes")
    assert (wrong.code, "did you mean one?" in wrong.err) == (2, True)
