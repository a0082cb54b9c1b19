from __future__ import annotations

import pytest

from campaigns.errors import CampaignError
from campaigns.marks import Origin
from campaigns.source_files import read_files


def faults(folder) -> str:
    with pytest.raises(CampaignError) as raised:
        folder.compile_here()
    return str(raised.value)


def test_a_version_changes_with_any_file_and_with_nothing_else(folder):
    def version() -> str:
        return read_files(folder.root / "short", folder.root / "_base").version

    first = version()

    assert folder.compile().version == first == version()
    assert len(first) == 16
    folder.write("details/subject.txt", "About details!\n")
    assert version() != first
    folder.write("details/subject.txt", "About details\n")
    assert version() == first
    folder.write("_base/unused.mjml", "")
    assert version() != first


def test_every_part_of_every_step_is_there(folder):
    compiled = folder.step("people").write("facts/pay.toml", "[DE]\nx = 1\n").compile()

    assert set(compiled.sources) == {"details", "people"}
    assert set(compiled.sources["people"]) == {"subject", "preheader", "html", "text"}
    assert compiled.facts == {"pay": {"DE": {"x": 1}}}
    assert compiled.name == "short"


def test_each_line_of_the_source_knows_where_it_was_written(folder):
    compiled = folder.words("{{ subscriber.first_name }}\n\n{{ interview.mode }}").compile()
    origins = compiled.origins["details"]["html"]
    lines = compiled.sources["details"]["html"].split("\n")

    assert len(lines) == len(origins)
    written = {line.split("}}")[0].strip(): origins[number] for number, line in enumerate(lines)}
    assert written["subscriber.first_name"] == Origin("short/details/body.mjml", 3)
    assert written["interview.mode"] == Origin("short/details/body.mjml", 5)
    assert written["subject"] == Origin("_base/layout.mjml", 3)


def test_no_font_is_loaded_from_elsewhere(folder):
    folder.body(
        '<mj-section><mj-column><mj-text font-family="Ubuntu, Roboto">x</mj-text></mj-column></mj-section>'
    )

    assert "fonts.googleapis" not in folder.compile_here().sources["details"]["html"]


def test_no_comment_and_no_mark_is_left_in_the_source(folder):
    folder.words("<!-- for us -->{# for us too #}[# and this #]seen")
    source = folder.compile_here().sources["details"]["html"]

    assert "for us" not in source
    assert "and this" not in source
    assert "qzx" not in source
    assert not any(ord(character) < 32 and character != "\n" for character in source)


def test_a_conditional_comment_for_outlook_stays(folder):
    folder.words("<!--[if mso]>old<![endif]-->")

    assert "<!--[if mso]>old<![endif]-->" in folder.compile_here().sources["details"]["html"]


def test_a_value_of_the_compile_stage_can_stand_inside_a_recipients_tag(folder, ana):
    folder.words("[% for name in ['plan', 'unsubscribe'] %]{{ links.[[ name ]] }} [% endfor %]")

    html = folder.render(ana).html

    assert "https://runup.example.com/plan?a=1&amp;b=2 https://runup.example.com/unsubscribe/signed" in html


def test_brand_and_facts_are_there_when_the_campaign_is_compiled(folder, ana):
    folder.write("facts/tips.toml", 'all = ["Sleep", "Walk"]\n')
    folder.words(
        "[% for tip in facts.tips.all %]<p>[[ tip ]], says [[ brand.name ]] in [[ step ]]</p>[% endfor %]"
    )

    html = folder.render(ana).html

    assert "<p>Sleep, says Runup in details</p>" in html
    assert "<p>Walk, says Runup in details</p>" in html


MISTAKES = [
    (
        "<mj-section><mj-colum></mj-colum></mj-section>",
        ":3: there is no <mj-colum>; did you mean `mj-column`?",
    ),
    (
        '<mj-section paddin="0"></mj-section>',
        ":3: <mj-section> has no attribute `paddin`; did you mean `padding`?",
    ),
    ("<mj-section padding=0></mj-section>", ":3: put quotes around the attribute values of <mj-section>"),
    ('<mj-section padding="0" padding="1"></mj-section>', ":3: `padding` is given twice on <mj-section>"),
    ("<mj-section>\n<mj-text>x</mj-text></mj-section>", ":4: <mj-text> may not stand in <mj-section>;"),
    ("<mj-section>\n\nwords</mj-section>", ":3: text may not stand directly in <mj-section> (`words`)"),
    ("\n{{ brand.name }}", ":4: {{ }} may not stand directly in <mj-body>; put it into <mj-text>"),
    ("<mj-section><mj-column>\n<mj-text>x</mj-column></mj-section>", ":4: <mj-text> is never closed"),
    ("\n</mj-section>", ":4: </mj-section> closes nothing"),
    ("<div>x</div>", ":3: <div> may not stand in <mj-body>;"),
    ("<mj-font name='x' href='https://x.example.com' />", ":3: there is no <mj-font>"),
    (
        "<mj-section><mj-column><mj-image src='https://x.example.com/a.png' /></mj-column></mj-section>",
        ":3: <mj-image> needs alt",
    ),
    (
        "<mj-section><mj-column><mj-social>{% if is_rush %}</mj-social></mj-column></mj-section>",
        ":3: {% %} may not stand in <mj-social>",
    ),
    (
        '<mj-section {% if is_rush %}padding="0"{% endif %}></mj-section>',
        ":3: {% %} may not stand inside an element's tag",
    ),
    ('<mj-section {{ brand.name }}="0"></mj-section>', ":3: a {{ }} may stand in an attribute's value"),
    (
        "<mj-section><mj-column width='{{ 1 }}'></mj-column></mj-section>",
        ":3: MJML cannot carry {{ 1 }} in this attribute",
    ),
]


@pytest.mark.parametrize(("inside", "message"), MISTAKES, ids=[message for _, message in MISTAKES])
def test_broken_mjml_is_told_by_file_and_line(folder, inside, message):
    assert f"short/details/body.mjml{message}" in faults(folder.body(inside))


WORDS = [
    ("a < b", ":3: a bare `<`; write &lt;"),
    ("<p>one\n<p>two</p>", ":3: <p> is never closed"),
    ("<b><i>x</b></i>", ":3: <i> is never closed (the next end tag is </b>)"),
    ("one<br>two</br>", ":3: <br> has no end tag; delete </br>"),
    ("\n<script>x</script>", ":4: <script> does not work in email"),
    ("<a onclick='x()' href='https://x.example.com'>x</a>", ":3: `onclick` is script"),
    ("<img src='https://x.example.com/a.png'>", ":3: <img> needs alt"),
    ("<a href='plan'>x</a>", ":3: `href` must start with https://"),
    ("\n\n{% if is_rush %}x", ":5: Unexpected end of template"),
    ("\n{% endif %}", ":4: Encountered unknown tag 'endif'"),
    ("\n{{ is_rush", ":4: `{{` is never closed"),
    ("\n\n{{ is_rush | }}", ":5: expected token 'name'"),
    ("\n[% if %]", ":4: Expected an expression"),
    ("\n[[ nothing ]]", ":4: 'nothing' is undefined"),
    (
        "\n[[ subscriber.first_name ]]",
        ":4: 'subscriber' is undefined (names for each recipient belong in {{ }}",
    ),
    ("\n{{ subscriber.frist_name }}", ":4: `subscriber` has no `frist_name`; did you mean `first_name`?"),
    ("\n{{ interview.day|dayy }}", ":4: there is no filter `dayy`; did you mean `day`?"),
    ("\n{% if is_rush is sometimes %}x{% endif %}", ":4: there is no test `is sometimes`"),
    ('\n{% include "details/core.mjml" %}', ":4: other files are brought in with [% %]"),
    ('\n[% include "details/cor.txt" %]', ":4: there is no file `details/cor.txt`"),
    ("\nqzxaaaaalxzq", ":4: these letters are reserved"),
]


@pytest.mark.parametrize(("inside", "message"), WORDS, ids=[message for _, message in WORDS])
def test_a_broken_tag_or_word_is_told_by_file_and_line(folder, inside, message):
    assert f"short/details/body.mjml{message}" in faults(folder.words(inside))


def test_an_error_in_a_component_also_names_where_it_was_used(folder):
    folder.write(
        "_base/components.mjml",
        "[% macro button(url, words) %]\n<mj-section>\n<mj-colum></mj-colum></mj-section>\n[% endmacro %]",
    )

    message = faults(folder)

    assert message.startswith("_base/components.mjml:3: there is no <mj-colum>")
    assert "(used near short/details/body.mjml:7)" in message


def test_a_missing_part_is_named(folder):
    assert (
        faults(folder.write("people/subject.txt", "x")) == "short/people/preheader.txt: this file is missing"
    )


def test_an_email_that_forgot_its_layout_is_told_so(folder):
    assert "does the file extend the layout?" in faults(folder.write("details/body.mjml", ""))


def test_a_campaign_that_is_not_there_is_named(folder):
    folder.root = folder.root / "nowhere"
    assert faults(folder) == "short: there is no such campaign folder"


def test_a_file_in_another_encoding_or_with_control_characters_is_named(folder):
    (folder.root / "short" / "details" / "subject.txt").write_bytes("Größe".encode("latin-1"))
    assert faults(folder) == "short/details/subject.txt: this file is not UTF-8; save it as UTF-8"

    folder.write("details/subject.txt", "one\ntwo\x0b")
    assert faults(folder) == "short/details/subject.txt:2: control character U+000B; delete it"


def test_broken_facts_are_told_by_line(folder):
    assert faults(folder.write("facts/pay.toml", "[DE]\nright = \n")).startswith("short/facts/pay.toml:2: ")


def test_the_shipped_campaign_compiles(brand):
    from importlib.resources import files

    from campaigns.compiling import compile_campaign

    compiled = compile_campaign(files("templates") / "second_interview", brand=brand)

    assert {"confirm", "welcome", "catchup", "details", "morning", "thanks", "goodbye"} <= set(
        compiled.sources
    )
