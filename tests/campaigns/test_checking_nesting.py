"""What `check` says of things that stand where HTML does not let them stand."""

from __future__ import annotations

from importlib.resources import files

import pytest

from campaigns.nesting import misplaced


def words_of(html: str) -> list[str]:
    return [one.words for one in misplaced(html)]


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ("<table><tr><li>Two pens</li></tr></table>", ["Two pens"]),
        ("<div><li><b>Two</b> pens</li></div>", ["Two"]),
        ("<table><tbody><tr><td>a</td></tr><p>lost</p></tbody></table>", ["lost"]),
        ("<table>lost<tr><td>a</td></tr></table>", ["lost"]),
        ("<table><tr>lost<td>a</td></tr></table>", ["lost"]),
        ("<ul><li>Two pens<br>and ink<ul><li>blue</li></ul></li></ul>", []),
        ("<table><tr><td><p>a</p><table><tr><th>b</th></tr></table></td></tr></table>", []),
        ("<table> <tr>\n<td>a</td> </tr><!--[if mso]>b<![endif]--></table>", []),
        ("<table><tr><td><img src='x' alt=''>a</td></tr></table>", []),
    ],
)
def test_what_a_mail_client_would_move_is_found(html: str, found: list[str]) -> None:
    assert words_of(html) == found


def test_an_author_who_writes_items_into_a_checklist_is_told_where_and_what_instead(folder):
    for name in ("tokens.txt", "words.txt", "components.mjml", "dark.mjml", "layout.mjml"):
        text = (files("templates") / "_base" / name).read_text("utf-8")
        folder.write(f"_base/{name}", text)
    folder.write(
        "details/body.mjml",
        '[% extends "_base/layout.mjml" %]\n'
        '[% from "_base/components.mjml" import lead, checklist %]\n'
        "[% block body %]\n"
        '[% call lead("Tonight") %]<p>Soon.</p>[% endcall %]\n'
        '[% call checklist("By the door") %]\n'
        "<li>Two pens that write.</li>\n"
        "[% endcall %]\n"
        "[% endblock %]\n",
    )
    [told] = [str(one) for one in folder.check_here() if "<li>" in one.message]
    assert told.startswith("short/details/body.mjml:6: error: <li> stands outside of <ul> and <ol>")
    assert "tick(…)" in told
