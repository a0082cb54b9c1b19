from __future__ import annotations

import time
from dataclasses import replace
from threading import Thread

import pytest

from campaigns.rendering import Content, Renderer, RenderError


def test_ana_gets_her_name_her_link_and_the_address_in_both_parts(folder, ana):
    content = folder.render(ana)

    assert content.subject == "About details"
    assert content.preheader == "A line about details"
    for part in (content.html, content.text):
        assert "Hi Ana" in part
        assert "1 Sample Street, Berlin" in part
    assert 'href="https://runup.example.com/plan?a=1&amp;b=2"' in content.html
    assert "https://runup.example.com/plan?a=1&b=2" in content.text


def test_the_same_context_gives_the_same_email(folder, ana):
    renderer = Renderer(folder.compile())

    assert renderer.render("details", ana) == renderer.render("details", ana)


def test_a_section_can_be_left_out_for_those_on_the_phone(folder, ana):
    folder.body(
        "{% if interview.mode == 'video' %}\n"
        "<mj-section><mj-column><mj-text>Camera</mj-text></mj-column></mj-section>\n"
        "{% else %}\n"
        "<mj-section><mj-column><mj-text>Signal</mj-text></mj-column></mj-section>\n"
        "{% endif %}"
    )
    phone = replace(ana, interview=replace(ana.interview, mode="phone"))
    renderer = Renderer(folder.compile_here())

    assert "Camera" in renderer.render("details", ana).html
    assert "Signal" not in renderer.render("details", ana).html
    assert "Camera" not in renderer.render("details", phone).html
    assert "Signal" in renderer.render("details", phone).html


def test_a_loop_around_elements_repeats_them(folder, ana):
    folder.body(
        "<mj-section><mj-column>\n{% for key in merged %}<mj-text>Part {{ key }}.</mj-text>{% endfor %}\n"
        "</mj-column></mj-section>"
    )

    html = folder.render(replace(ana, merged=("people", "salary"))).html

    assert "Part people." in html
    assert "Part salary." in html
    assert html.count("Part ") == 2


def test_a_less_than_sign_inside_a_tag_is_no_markup(folder, ana):
    folder.words("{% if interview.days_left < 5 and '}}' != '<' %}Soon{% endif %}")

    assert "Soon" in folder.render(ana).html


def test_a_line_that_holds_only_a_condition_leaves_no_empty_line_in_the_text(folder, ana):
    folder.write(
        "details/body.txt",
        "One\n{% if interview.mode == 'video' %}\nTwo\n{% endif %}\nThree{% if false %}x{% endif %}\nFour\n",
    )

    assert folder.render(ana).text == "One\nTwo\nThree\nFour\n"


def test_the_core_of_a_step_is_shared_with_the_catch_up(folder, ana):
    folder.write(
        "details/core.mjml", "<mj-section><mj-column><mj-text>The core.</mj-text></mj-column></mj-section>\n"
    )
    folder.write("details/core.txt", "The core.\n").step("catchup")
    folder.body('{% if "details" in merged %}\n[% include "details/core.mjml" %]\n{% endif %}', "catchup")
    folder.write(
        "catchup/body.txt",
        '{% if "details" in merged %}\n[% include "details/core.txt" %]\n{% endif %}\nEnd.\n',
    )
    content = folder.render(replace(ana, merged=("details",)), "catchup")

    assert "The core." in content.html
    assert content.text == "The core.\nEnd.\n"


def test_facts_are_read_from_their_file(folder, ana):
    folder.write("facts/pay.toml", '[DE]\nright = "Ask for the range."\n')
    folder.words("{% if interview.country in facts.pay %}{{ facts.pay[interview.country].right }}{% endif %}")
    renderer = Renderer(folder.compile_here())
    in_germany = replace(ana, interview=replace(ana.interview, country="DE"))

    assert "Ask for the range." in renderer.render("details", in_germany).html
    assert "Ask for the range." not in renderer.render("details", ana).html


def test_subject_and_preheader_are_one_line_each(folder, ana, named):
    folder.write("details/subject.txt", "Hello\n{{ subscriber.first_name }}\n\n").write(
        "details/preheader.txt", " a\n\tb "
    )

    content = folder.render(named("A\u2028na"))

    assert content.subject == "Hello A na"
    assert content.preheader == "a b"


def test_an_empty_subject_is_refused_by_file(folder, ana):
    folder.write("details/subject.txt", "{% if interview.company %}At {{ interview.company }}{% endif %}\n")

    with pytest.raises(RenderError, match=r"short/details/subject\.txt:1: the subject is empty"):
        folder.render(ana)


def test_a_spaced_line_end_between_two_bold_words_stays(folder, ana):
    folder.words("<b>two</b>\n<i>words</i>")

    assert "<b>two</b> <i>words</i>" in folder.render(ana).html


def test_an_error_names_the_step_and_the_line_that_was_written(folder, ana):
    folder.words("\nfine\n\n{{ interview.company }}\n{{ interview.start_time|clock }}")
    unknown = replace(ana, interview=replace(ana.interview, start_time=None))

    with pytest.raises(RenderError) as raised:
        folder.render(unknown)

    error = raised.value
    assert (error.campaign, error.step, error.file) == ("short", "details", "short/details/body.mjml")
    assert error.line == 7
    assert "empty" in error.message


def test_an_error_in_a_component_names_the_component(folder, ana):
    folder.write(
        "_base/components.mjml",
        "[% macro button(url, words) %]\n\n<p>{{ interview.start_time|clock }}</p>[% endmacro %]",
    )
    folder.write(
        "details/body.mjml",
        '[% extends "_base/layout.mjml" %][% from "_base/components.mjml" import button %]'
        "[% block body %]\n"
        '<mj-section><mj-column><mj-text>[[ button("", "") ]]</mj-text></mj-column></mj-section>'
        "[% endblock %]",
    )

    with pytest.raises(RenderError, match=r"^_base/components\.mjml:3: "):
        folder.render(replace(ana, interview=replace(ana.interview, start_time=None)))


def test_an_error_tells_nothing_about_the_reader(folder, ana):
    folder.words("{{ facts[subscriber.first_name] }}").write("facts/pay.toml", "a = 1\n")
    secret = replace(ana, subscriber=replace(ana.subscriber, first_name="Ana-Secret"))

    with pytest.raises(RenderError) as raised:
        folder.render(secret)

    assert "Ana-Secret" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert "Ana" not in repr(Content(subject="Ana", preheader="Ana", html="Ana", text="Ana"))


def test_a_step_that_does_not_exist_is_named(folder, ana):
    with pytest.raises(RenderError, match="short/nowhere: there is no such step"):
        folder.render(ana, "nowhere")


def test_threads_share_one_renderer(folder, named):
    renderer = Renderer(folder.compile_here())
    seen: dict[str, str] = {}

    def work(name: str) -> None:
        for _ in range(50):
            seen[name] = renderer.render("details", named(name)).text

    threads = [Thread(target=work, args=(name,)) for name in ("Ana", "Kiri", "Sam")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {name: f"Hi {name}\n" in text for name, text in seen.items()} == {
        "Ana": True,
        "Kiri": True,
        "Sam": True,
    }


def test_rendering_is_cheap(folder, ana):
    """The figure is 0.3 ms of CPU; this leaves room for a slow machine, and MJML takes far longer."""
    renderer = Renderer(folder.compile_here())
    renderer.render("details", ana)
    started = time.process_time()
    for _ in range(200):
        renderer.render("details", ana)

    assert (time.process_time() - started) / 200 < 0.001
