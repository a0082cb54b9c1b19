from __future__ import annotations

from dataclasses import replace
from datetime import date
from importlib.resources import files

import pytest

from campaigns.branches import check_branches
from campaigns.checking import check_campaign, main
from campaigns.confined import Limits
from campaigns.preview import sample_contexts
from campaigns.source_files import read_files


def told(folder, **options) -> list[str]:
    """Findings without the reader they were found for."""
    return [str(finding).split(" (for a reader with")[0] for finding in folder.check_here(**options)]


def test_a_sound_campaign_has_no_findings(folder):
    assert folder.check() == []


def test_the_shipped_campaign_has_no_errors():
    findings = check_campaign(files("templates") / "second_interview", today=date(2026, 12, 1))

    assert [str(finding) for finding in findings if finding.severity == "error"] == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            "{{ interview.modus }}",
            "short/details/body.mjml:3: error: `interview` has no `modus`; did you mean `mode`?",
        ),
        ("{{ nobody.knows }}", "short/details/body.mjml:3: error: there is no `nobody`"),
        ("{{ facts.pay.AT }}", "short/details/body.mjml:3: error: there is no `AT` in these facts"),
        (
            "{% if interview.mode == 'fone' %}x{% endif %}",
            "short/details/body.mjml:3: error: `interview.mode` is never 'fone'; "
            "it is one of 'onsite', 'video', 'phone', 'unknown'",
        ),
        (
            "{% if 'detials' in merged %}x{% endif %}",
            "short/details/body.mjml:3: error: `merged` is never 'detials'; it is one of 'details'",
        ),
        (
            "{% for entry in plan %}{{ entry.titel }}{% endfor %}",
            "short/details/body.mjml:3: error: `entry` has no `titel`; did you mean `title`?",
        ),
    ],
)
def test_names_that_do_not_exist_are_found_in_branches_nobody_renders(folder, words, message):
    folder.write("facts/pay.toml", "[DE]\nx = 1\n").words("{% if false %}" + words + "{% endif %}")

    assert message in told(folder)


def test_every_fault_is_told_at_once_and_not_only_the_first(folder):
    folder.body("<mj-section colour='x'><mj-colum></mj-colum></mj-section>").step("people").words(
        "<p>", "people"
    )

    findings = told(folder)

    assert len([finding for finding in findings if finding.startswith("short/details/body.mjml:3")]) == 2
    assert any(finding.startswith("short/people/body.mjml:3") for finding in findings)


def test_a_branch_that_breaks_is_found_with_the_reader_who_would_get_it(folder):
    folder.words("{% if interview.format == 'group' %}{{ interview.decision_on|day }}{% endif %}")

    [finding] = folder.check_here()

    assert str(finding).startswith(
        "short/details/body.mjml:3: error: this tag uses a value that is empty here"
    )
    assert "format group" in finding.message
    assert "decision day unknown" in finding.message


def test_a_branch_that_is_never_sent_need_not_render(folder):
    folder.words("{{ interview.start_time|clock }}").write("sequence.toml", TIMETABLE)

    assert told(folder) == []


def test_the_timetable_and_the_folders_must_agree(folder):
    folder.write("sequence.toml", TIMETABLE.replace('"details"', '"detail"'))

    assert "short/sequence.toml:5: error: step 'detail' has no folder of that name with its words" in told(
        folder
    )
    assert "short/sequence.toml:1: warning: the folder 'details' belongs to no step of the timetable" in told(
        folder
    )


def test_a_broken_timetable_is_a_finding(folder):
    folder.write("sequence.toml", TIMETABLE + "\nnonsense = 1\n")

    assert any(
        finding.startswith("short/sequence.toml") and "nonsense" in finding for finding in told(folder)
    )


def test_a_long_subject_an_empty_preheader_and_a_printed_none_are_warnings(folder):
    folder.write("details/subject.txt", "x" * 61).write("details/preheader.txt", "\n")
    folder.words("{{ interview.decision_on }}")

    findings = told(folder)

    assert "short/details/subject.txt:1: warning: 61 characters; phones show about 60" in findings
    assert any("preheader.txt:1: warning: is empty" in finding for finding in findings)
    assert any("body.mjml:1: warning: prints `None`" in finding for finding in findings)


def test_an_empty_subject_is_an_error(folder):
    folder.write("details/subject.txt", "{% if interview.company %}At work{% endif %}")

    assert "short/details/subject.txt:1: error: the subject is empty" in told(folder)


def test_two_steps_with_one_subject_are_an_error(folder):
    folder.step("people").write("people/subject.txt", "About details")

    assert any(
        "people/subject.txt:1: error: the same subject as step 'details'" in finding
        for finding in told(folder)
    )


def test_a_missing_text_part_and_an_empty_one_are_errors(folder):
    folder.write("details/body.txt", "{# nothing #}\n")
    assert "short/details/body.txt:1: error: is empty" in told(folder)

    (folder.root / "short" / "details" / "body.txt").unlink()
    assert "short/details/body.txt: error: this file is missing" in told(folder)


def test_the_postal_address_and_the_way_out_are_in_both_parts(folder):
    folder.write("details/body.txt", "Hi\n")
    bare = (
        "<mj-preview>{{ preheader }}</mj-preview></mj-head><mj-body>[% block body %][% endblock %]</mj-body>"
    )
    folder.write("_base/layout.mjml", f"<mjml><mj-head>{bare}</mjml>")

    findings = told(folder)

    for file in ("body.txt", "body.mjml"):
        assert f"short/details/{file}:1: error: lacks {{{{ brand.postal_address }}}}" in findings
        assert f"short/details/{file}:1: error: lacks a link to {{{{ links.unsubscribe }}}}" in findings
    assert not any("unsubscribe" in finding for finding in told(folder, without_unsubscribe=["details"]))


def test_who_is_not_on_the_list_needs_no_way_out(folder):
    folder.write("details/body.txt", "Hi\n{{ brand.postal_address }}\n{{ links.confirm }}\n")
    step = (
        'name = "Short"\nwindow = [07:00:00, 20:00:00]\ngap = "18h"\njitter = "0m"\n[[step]]\n'
        'key = "details"\ntitle = "Details"\nafter = "signed_up"\ndelay = "0m"\n'
        'expires = { after = "signed_up", delay = "24h" }\nlate = "send"\nonce_per = "act"\nnotice = true\n'
    )
    folder.write("sequence.toml", step)
    assert any("lacks a link to {{ links.unsubscribe }}" in finding for finding in told(folder))
    folder.write("sequence.toml", f"{step}despite_unsubscribe = true\n")
    assert told(folder) == []


def test_an_email_that_gmail_would_cut_is_an_error(folder):
    folder.words("<p>word</p>" * 8000)

    assert any("kB of HTML; Gmail cuts off" in finding for finding in told(folder))


def test_links_come_from_facts_and_are_secure(folder):
    folder.write("facts/pay.toml", 'source = "https://pay.example.com"\n')
    folder.words(
        '<a href="{{ facts.pay.source }}">a</a><a href="http://b.example.com">b</a><a href="https://c.example.com">c</a>'
    )

    findings = told(folder)

    assert not any("pay.example.com" in finding for finding in findings)
    assert any("error: links to `http://b.example.com`" in finding for finding in findings)
    assert any(
        "warning: links to `https://c.example.com`, which is written into the words" in f for f in findings
    )


def test_a_preheader_that_the_html_does_not_carry_is_a_warning(folder):
    folder.write("_base/layout.mjml", "<mjml><mj-body>[% block body %][% endblock %]</mj-body></mjml>")

    assert any("does not carry the preheader" in finding for finding in told(folder))


def test_an_email_that_mjml_makes_differently_for_each_reader_is_refused(folder):
    """A tag that opens in one branch and closes in another only works when Jinja runs before MJML."""
    folder.words("{% if is_rush %}<p>{% else %}<p>{% endif %}x</p>")

    assert any(":3: error: <p> is never closed" in finding for finding in told(folder))


def test_the_two_ways_of_making_an_email_are_compared_word_by_word_and_link_by_link(folder):
    """Stands for a fault of MJML's, or of ours: the compiled HTML says something else than the file."""
    compiled, parts = folder.assemble()
    html = compiled.sources["details"]["html"]

    def told_for(changed: str) -> list[str]:
        sources = {"details": {**compiled.sources["details"], "html": changed}}
        found = check_branches(
            replace(compiled, sources=sources),
            parts,
            folder.brand,
            files=read_files(folder.root / "short", folder.root / "_base"),
            conditions={},
            mergeable=(),
            without_unsubscribe=(),
        )
        return [finding.message for finding in found]

    assert told_for(html) == []
    [moved] = told_for(html.replace("See your plan", "See plan your"))
    assert moved.startswith("{% %} stand where MJML moves them: “Ana See plan your")
    [linked] = told_for(html.replace("links.plan", "links.move"))
    assert "the links differ" in linked


def test_an_address_with_brackets_is_no_difference(folder):
    folder.write("facts/pay.toml", 'source = "https://pay.example.com/a_(b)"\n')
    folder.words('<a href="{{ facts.pay.source }}">a</a>')

    assert [finding for finding in told(folder) if "differ" in finding] == []


def test_a_value_that_is_markup_to_mjml_alone_is_found(folder):
    """`{{ '<' }}`s own quotes and signs stay text in both ways of making the email."""
    folder.words("{{ '<b>bold</b>' }} & {{ subscriber.first_name }}")

    assert told(folder) == []


def test_a_bomb_in_one_email_is_a_finding_that_names_it(folder):
    folder.step("people").words("[% for a in range(1000) %]" * 3 + "[% endfor %]" * 3, "people")
    [finding] = folder.check(limits=Limits(cpu_seconds=1))
    assert str(finding) == (
        "short/people: error: this took more than 1 s of CPU time; look for a loop in the template"
    )


def test_the_command_prints_findings_and_ends_with_one_when_there_are_errors(folder, capsys):
    assert main([str(folder.root / "short")]) == 0
    folder.words("{{ nobody }}")
    assert main([str(folder.root / "short"), "--today", "2026-12-01"]) == 1
    assert "short/details/body.mjml:3: error: there is no `nobody`" in capsys.readouterr().out


def test_the_samples_meet_in_every_pair():
    branches = sample_contexts(mergeable=("details", "people"))
    seen = {
        (b.context.interview.mode, b.context.interview.format, bool(b.context.interview.starts_at))
        for b in branches
    }
    modes, formats = {mode for mode, _, _ in seen}, {form for _, form, _ in seen}

    assert {(mode, form) for mode, form, _ in seen} == {(mode, form) for mode in modes for form in formats}
    assert {(mode, known) for mode, _, known in seen} == {
        (mode, known) for mode in modes for known in (True, False)
    }
    assert len(branches) < 60
    assert len({branch.name for branch in branches}) == len(branches)


def test_the_samples_are_true_to_themselves():
    for branch in sample_contexts(mergeable=("details",)):
        interview = branch.context.interview
        assert (
            (interview.starts_at is None)
            == (interview.start_time is None)
            == (interview.home_starts_at is None)
        )
        assert interview.is_past == (interview.days_left < 0)
        assert not (interview.is_today and interview.is_tomorrow)
        if interview.starts_at and interview.home_starts_at:
            assert interview.starts_at == interview.home_starts_at
            assert interview.has_two_zones == (interview.starts_at.hour != interview.home_starts_at.hour)


TIMETABLE = """\
name = "Short"
window = [07:00:00, 20:00:00]

[[step]]
key = "details"
title = "Details"
day = -7
time = 09:00:00
expires = { day = -2, time = 09:00:00 }
late = "skip"
once_per = "enrollment"
when = "interview.start_time"
"""
