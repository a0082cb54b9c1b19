"""What hostile values and hostile templates must not do. The numbers are those of the design's hazards."""

from __future__ import annotations

from dataclasses import replace

import pytest

from campaigns.errors import CampaignError
from campaigns.rendering import Renderer, RenderError
from campaigns.visible import visible

INJECTION = '"><script>alert(1)</script><a href="https://evil.example.com">Click</a>{{ 7*7 }}{% if %}'


def test_h9_a_first_name_is_text_and_never_markup(folder, named):
    content = folder.render(named(INJECTION))

    assert "<script" not in content.html
    assert "https://evil.example.com" not in visible(content.html).links
    assert INJECTION in visible(content.html).words
    assert INJECTION in content.text


def test_h9_a_first_name_cannot_leave_an_attribute(folder, named):
    folder.words('<span title="{{ subscriber.first_name }}">x</span>')

    assert "<script" not in folder.render(named(INJECTION)).html


def test_h9_a_subject_and_its_copy_in_the_title_differ_only_in_escaping(folder, named):
    folder.write("details/subject.txt", "For {{ subscriber.first_name }}")
    content = folder.render(named("Zoë <O'Brien> & Co"))

    assert content.subject == "For Zoë <O'Brien> & Co"
    assert "<title>For Zoë &lt;O&#39;Brien&gt; &amp; Co</title>" in content.html


@pytest.mark.parametrize(
    "switch", ["{{ subscriber.first_name|safe }}", "{% autoescape false %}x{% endautoescape %}"]
)
def test_h9_escaping_cannot_be_switched_off(folder, switch):
    with pytest.raises(
        CampaignError, match=r"short/details/body\.mjml:3: (there is no filter|escaping cannot)"
    ):
        folder.words(switch).compile_here()


@pytest.mark.parametrize(
    "poison", ["\x00", "\x0b", "\x1b[31m", "\x85", "\x9b", "\u202e", "\u2066", "\ud800", "\ufffe"]
)
def test_h10_control_characters_never_reach_an_email(folder, named, poison):
    content = folder.render(named(f"A{poison}na"))

    for part in (content.subject, content.preheader, content.html, content.text):
        assert poison not in part
        part.encode()


def test_h10_names_of_other_scripts_stay_as_they_are(folder, named):
    for name in ("Zoë", "Łukasz", "李雷", "محمد", "शिव‌म", "O’Brien", "👩‍💻"):
        assert f"Hi {name}" in folder.render(named(name)).text


def test_h11_deep_nesting_is_refused_before_the_engine_sees_it(folder):
    folder.words("<div>" * 2000 + "</div>" * 2000)

    with pytest.raises(
        CampaignError, match=r"short/details/body\.mjml:3: elements are nested more than 60 deep"
    ):
        folder.compile()


def test_h11_two_thousand_wrappers_are_refused_by_line(folder):
    folder.body("<mj-wrapper>" * 2000 + "</mj-wrapper>" * 2000)

    with pytest.raises(
        CampaignError, match=r"short/details/body\.mjml:3: <mj-wrapper> may not stand in <mj-wrapper>"
    ):
        folder.compile()


def test_h11_a_crash_of_the_engine_is_survived_and_the_step_named(folder):
    folder.words(
        "[% for n in range(1000) %]"
        + "<div>" * 30
        + "[% endfor %][% for n in range(1000) %]"
        + "</div>" * 30
        + "[% endfor %]"
    )

    with pytest.raises(CampaignError, match=r"short/details: the MJML engine crashed"):
        folder.compile(max_depth=10**6)


def test_h12_a_link_written_as_script_is_refused_when_compiled(folder):
    with pytest.raises(CampaignError, match=r":3: `href` must start with https://"):
        folder.words('<a href="javascript:alert(1)">x</a>').compile()


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", " JaVaScRiPt:alert(1)", "java\tscript:alert(1)", "data:text/html,x", "//x", ""],
)
def test_h12_a_link_that_comes_as_a_value_is_checked_at_render(folder, ana, address):
    renderer = Renderer(folder.compile_here())

    with pytest.raises(RenderError, match="a link must start with https:") as raised:
        renderer.render("details", replace(ana, links=replace(ana.links, plan=address)))
    assert not address or address not in str(raised.value)


def test_h12_a_link_cannot_break_out_of_its_attribute_or_style(folder, ana):
    folder.body(
        '<mj-section background-url="{{ links.plan }}"><mj-column><mj-image src="{{ links.plan }}" alt="" />'
        "<mj-text>{{ links.plan }}</mj-text></mj-column></mj-section>"
    )
    hostile = "https://x.example.com/a') ; \"onload=alert(1) <b>"

    html = folder.render(replace(ana, links=replace(ana.links, plan=hostile))).html

    assert "<b>" not in html
    assert 'src="https://x.example.com/a%27%29;%22onload=alert%281%29%3Cb%3E"' in html


BOMBS = ["'x' * 300000000", "9 ** (9 ** 8) > 1", "'%0900000000d' % 1", "[0] * 10 ** 9"]


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("stage", ["[[ {} ]]", "{{{{ {} }}}}"])
def test_h13_operators_that_run_away_are_refused_in_both_stages(folder, bomb, stage):
    with pytest.raises(CampaignError, match=r"short/details/body\.mjml:3: .*(`\*|`%)"):
        folder.words(stage.format(bomb)).compile()


NESTED = "[% for a in range(1000) %]" * 3 + "[% endfor %]" * 3
NESTED_AT_RENDER = (
    '{% set many = "' + "x" * 2000 + '"|list %}' + "{% for a in many %}" * 3 + "{% endfor %}" * 3
)  # fmt: skip


@pytest.mark.parametrize("loops", [NESTED, NESTED_AT_RENDER], ids=["compile stage", "recipient's stage"])
def test_h13_loops_without_end_are_killed_and_the_step_named(folder, loops):
    with pytest.raises(CampaignError, match=r"short/details: this took more than 1 s of CPU time"):
        folder.words(loops).compile(cpu_seconds=1)


def test_h13_the_deadline_holds_too(folder):
    with pytest.raises(CampaignError, match=r"short/details: this took longer than 6 s"):
        folder.words(NESTED).compile(deadline_seconds=6)


def test_h13_memory_is_limited(folder):
    with pytest.raises(CampaignError, match=r"short/details: this needs more than 256 MB of memory"):
        folder.words('[[ "%0900000000d"|format(1) ]]').compile(memory_mb=256)


def test_h13_an_email_without_bounds_is_refused_at_render(folder, ana):
    folder.words("{% for key in merged %}{{ key }}{% endfor %}")

    with pytest.raises(RenderError, match="larger than 1000 kB"):
        folder.render(replace(ana, merged=("k" * 11_000,) * 100))


@pytest.mark.parametrize(
    "escape",
    [
        "''.__class__.__mro__",
        "cycler.__init__.__globals__",
        "subscriber.__class__",
        "interview.day.__reduce__()",
        "('a{}b'|attr('format'))(1)",
        "'{0.__class__}'.format(subscriber)",
        "lipsum()",
        "namespace()",
        "facts.update({1: 2})",
    ],
)
@pytest.mark.parametrize("stage", ["[[ {} ]]", "{{{{ {} }}}}"])
def test_h14_the_sandbox_has_no_way_out(folder, escape, stage):
    with pytest.raises(CampaignError, match=r"short/details/body\.mjml:3: "):
        folder.words(stage.format(escape)).compile_here()


@pytest.mark.parametrize("path", ["/etc/passwd", "../../secret.txt", "details/../../secret.txt"])
def test_h17_only_the_campaigns_own_files_can_be_included(folder, path):
    folder.write("../secret.txt", "secret")

    with pytest.raises(CampaignError, match=r":3: there is no file"):
        folder.words(f'[% include "{path}" %]').compile_here()


def test_h18_mj_include_is_refused(folder):
    with pytest.raises(CampaignError, match=r":3: <mj-include> is not allowed"):
        folder.body('<mj-include path="file:///etc/passwd" />').compile()


def test_the_child_sees_none_of_our_environment(folder, monkeypatch):
    """A template that did break out of the sandbox would find no key to steal."""
    monkeypatch.setenv("RUNUP_SECRET_KEY", "do-not-pass-on")
    import subprocess

    started: list[dict[str, str]] = []
    really = subprocess.Popen

    def watched(*arguments, **options):
        started.append(options["env"])
        return really(*arguments, **options)

    monkeypatch.setattr(subprocess, "Popen", watched)
    folder.compile()

    assert "do-not-pass-on" not in "".join(started[0].values())
