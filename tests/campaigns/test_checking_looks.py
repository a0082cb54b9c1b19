"""What `check` sees of an email's looks: faint words, arms nobody gets into, CSS that some clients lack."""

from __future__ import annotations

import pytest

from campaigns.contrast import faint_words
from campaigns.mail_clients import features, unsupported
from campaigns.style_sheet import parse_style


def told(folder, **options) -> list[str]:
    return [str(finding).split(" (for a reader with")[0] for finding in folder.check_here(**options)]


def faint(body: str, style: str = "") -> list[tuple[str, str, str]]:
    html = f"<html><head><style>{style}</style></head><body>{body}</body></html>"
    return [(one.words, f"{one.color} on {one.ground}", one.scheme) for one in faint_words(html)]


# -- contrast ------------------------------------------------------------------------------------------------


def test_grey_on_white_is_found_and_black_is_not():
    assert faint('<p style="color:#999">pale</p><p style="color:#555">fine</p>') == [
        ("pale", "#999999 on #ffffff", "light")
    ]


def test_large_words_need_less():
    assert faint('<h1 style="color:#888;font-size:24px">Big</h1><p style="color:#888">small</p>') == [
        ("small", "#888888 on #ffffff", "light")
    ]


def test_the_ground_is_the_nearest_that_is_painted():
    card = '<td style="background-color:#222"><div><p style="color:#333">lost</p></div></td>'
    assert faint(f"<table><tr>{card}</tr></table>") == [("lost", "#333333 on #222222", "light")]


def test_the_dark_look_is_judged_by_its_own_rules():
    style = "@media (prefers-color-scheme: dark) { .card { background: #111 !important; } }"
    assert faint('<div class="card" style="background:#fff;color:#222">night</div>', style) == [
        ("night", "#222222 on #111111", "dark")
    ]


def test_what_a_picture_or_a_mail_client_decides_is_not_judged():
    assert faint('<div style="background:url(x.png)"><p style="color:#fff">sky</p></div>') == []
    assert faint('<div style="background-color:#00e"><a href="https://x.example.com">link</a></div>') == []


def test_words_nobody_sees_are_not_judged():
    assert faint('<div style="display:none;color:#fff">preheader</div>') == []


@pytest.mark.parametrize(
    ("style", "is_pale"),
    [
        ("p { color: #999 } p.ink { color: #000 }", False),  # the class counts for more
        ("p.ink { color: #000 } p { color: #999 !important }", True),
        (".sheet p { color: #999 } .other p { color: #000 }", True),
        (".sheet > p { color: #999 }", True),
        ("body > p { color: #999 }", False),
        ("p:last-child { color: #999 }", True),
        ("p:first-child { color: #999 }", False),
        ("@media (max-width: 479px) { p { color: #999 } }", False),
        ("p[title] { color: #999 }", False),
        ("/* p { color: #999 } */ p { color: #000 }", False),
    ],
)
def test_rules_reach_an_element_as_in_a_browser(style, is_pale):
    body = '<div class="sheet"><br><p class="ink">words</p></div>'
    assert bool(faint(body, style)) is is_pale


def test_a_selector_list_is_as_many_rules():
    assert len(parse_style("h1, h2 > a { color: red }")) == 2


def test_the_line_of_faint_words_is_told(folder):
    folder.words('<p>fine</p>\n<p style="color:#aaa">too pale to read</p>')

    [finding] = told(folder)

    assert finding == (
        "short/details/body.mjml:4: error: #aaaaaa on #ffffff has a contrast of 2.3 on light screens "
        "and needs 4.5: “too pale to read”"
    )


def test_a_little_too_faint_is_a_warning(folder):
    folder.words('<p style="color:#808080">nearly</p>')

    assert [finding.split(": ")[1] for finding in told(folder)] == ["warning"]


# -- arms ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "line", "message"),
    [
        ("{% if interview.mode == 'phone' and interview.mode == 'video' %}x{% endif %}", 3, "this {% if %}"),
        ("\n{% if interview.day %}x{% else %}y{% endif %}", 4, "the {% else %} of this {% if %}"),
        (
            "{% if interview.starts_at %}a\n{% elif interview.home_starts_at %}b{% endif %}",
            4,
            "gets into this {% if %}",
        ),
        ("{{ 'a' if interview.day else 'b' }}", 3, "the {% else %} of this {% if %}"),
    ],
)
def test_an_arm_that_nobody_gets_into_is_found(folder, words, line, message):
    folder.words(words)

    [finding] = told(folder)

    assert finding.startswith(f"short/details/body.mjml:{line}: warning: no sample reader gets into")
    assert message in finding


def test_an_arm_that_takes_four_answers_is_reached(folder):
    folder.words(
        "{% if interview.mode == 'phone' and interview.format == 'panel' and interview.interviewers == 'same'"
        " and subscriber.has_newsletter %}x{% endif %}"
    )

    assert told(folder) == []


def test_what_two_emails_include_is_reached_when_one_of_them_reaches_it(folder):
    folder.step("people").write("shared.txt", "{% if step == 'people' %}x{% else %}y{% endif %}\n")
    for step in ("details", "people"):
        text = (folder.root / "short" / step / "body.txt").read_text()
        folder.write(f"{step}/body.txt", text + '[% include "shared.txt" %]')

    assert told(folder) == []


def test_an_email_that_no_sample_reader_is_sent_is_told(folder):
    folder.write(
        "sequence.toml",
        'name = "Short"\nwindow = [07:00:00, 20:00:00]\n[[step]]\nkey = "details"\ntitle = "Details"\n'
        'day = -7\ntime = 09:00:00\nexpires = { day = -2, time = 09:00:00 }\nlate = "send"\n'
        'once_per = "enrollment"\n'
        'when = "interview.days_left > 300"\n',
    )

    assert any("no sample reader is ever sent this email" in finding for finding in told(folder))


# -- links and words -----------------------------------------------------------------------------------------


def test_a_page_of_ours_without_a_signature_is_an_error(folder):
    folder.words('<a href="https://runup.example.com/plan/7">plan</a>')

    assert any(
        f.startswith(
            "short/details/body.mjml:3: error: links to `https://runup.example.com/plan/7`, a page of ours"
        )
        for f in told(folder)
    )


def test_a_picture_of_our_own_site_needs_no_signature(folder):
    folder.words('<img src="https://runup.example.com/stairs.png" alt="Stairs">')

    assert not any("stairs.png" in finding for finding in told(folder))


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("https://elsewhere.example.com/a.png", "warning: loads a picture from"),
        ("mailto:ana@example.com", "error: loads a picture from"),
    ],
)
def test_a_picture_from_elsewhere_is_told(folder, address, words):
    folder.words(f'<img src="{address}" alt="">')

    assert any(f.startswith(f"short/details/body.mjml:3: {words} `{address}`") for f in told(folder))


def test_an_unknown_name_is_told_once(folder):
    folder.words("Hi {{ subscriber.nickname }}")

    assert told(folder) == ["short/details/body.mjml:3: error: `subscriber` has no `nickname`"]


def test_none_as_a_word_is_no_empty_value(folder):
    folder.words("None of this is hard.")

    assert told(folder) == []


# -- mail clients --------------------------------------------------------------------------------------------


def test_notes_name_the_clients_and_the_line_and_come_only_when_asked_for(folder):
    folder.words('<p style="border-radius: 4px">round</p>')

    assert told(folder) == []
    notes = told(folder, with_notes=True)
    assert any(
        note.startswith("short/details/body.mjml:3: note: `border-radius` does nothing in Outlook (Windows)")
        for note in notes
    )
    assert all(": note: " in note for note in notes)


def test_a_feature_counts_only_where_it_stands():
    style = ".a { display: grid } .border-radius { color: red } /* opacity: 0 */"
    html = f'<style>{style}</style><p title="float: left">'
    used = {feature.words for feature in unsupported(html)}

    assert "display: grid" in used
    assert not used & {"border-radius", "opacity", "float", "display: flex", ":last-child"}


def test_the_table_names_real_clients():
    assert len(features()) > 100
    assert any("Gmail" in client for feature in features() for client in feature.no)
