from __future__ import annotations

from datetime import date
from html import unescape

import pytest

from subscribers import MissingDate, Purpose
from subscribers.wall_time import require_day

BAD = {
    "interview_date": [
        "", "2026-02-30", "2026-13-01", "0000-00-00", "9999-12-31", "2027-11-25", "2026-09-23", "2011-12-30",
        "20261204", "2026-W49-5", "2026-12-04T25:00", "04.12.2026", "tomorrow",
        "２０２６-１２-０４x", "{{7*7}}",
    ],
    "interview_time": ["25:00", "14:60", "2pm", "14", "14:00:00:00", "<b>14:00</b>"],
    "home_zone": [
        "Europe/Atlantis", "../../etc/passwd", "Etc/GMT+99", "Etc/GMT+5", "EST5EDT4", "EST5EDT", "localtime",
        "posixrules", "europe/berlin", "/usr/share/zoneinfo/UTC", "Europe/Berlin\x00", "+01:00", "<script>",
    ],
    "interview_zone": ["Moon/Tranquility", "..", "US"],
    "email": [
        "", "ana", "ana@", "@example.com", "ana@example", "ana@localhost", "ana@[127.0.0.1]",
        "ana@@example.com",
        "ana@example.com\r\nBcc: sam@example.com", "ana@example.com\nTo: x", "ana@example.com\x00",
        "ana\x0b@example.com", "ana@example.com, sam@example.com", "ana@example.com sam@example.com",
        "ana@example.com;sam@example.com", '"Ana" <ana@example.com>', "Ana <ana@example.com>",
        '"x"@example.com <sam@example.com>', '"quoted"@example.com', "ana@exam\u200bple.com",
        "ana@еxample.com",  # a Cyrillic e in a Latin word
        "ana@examp\u03bfe.com",  # a Greek o
        "a" * 65 + "@example.com", "ana@" + "x" * 250 + ".com", "ana..b@example.com", ".ana@example.com",
        "ana@example..com", "ana@-example.com", "ana%0d%0aBcc:x@example.com@example.com",
        "\u202eana@example.com",
    ],
    "first_name": ["x" * 81, "Ana\x00", "Ana\nBcc: x", "\u202eanA", "see www.example.com", "https://example.com"],
    "company": ["x" * 121, "Nord\x1b[31mwind", "https://example.com"],
    "role": ["x" * 121, "a\tb"],
    "country": ["DEU", "D", "1!", "<b"],
    "mode": ["teleport", "VIDEO", "video,phone"],
    "interviewers": ["nobody"],
    "format": ["duel"],
    "decision_on": ["2026-12-03", "2026-02-30", "soon"],
    "consent": ["", "no", "off", "0"],
}  # fmt: skip


@pytest.mark.parametrize("field", BAD)
def test_bad_input_is_refused_at_its_field_and_nothing_is_stored(visitor, field):
    wrongly_answered = {
        value: answer.status_code
        for value in BAD[field]
        if not is_refused_at(field, answer := visitor.sign_up(**{field: value}))
    }
    assert wrongly_answered == {}
    assert not any(visitor.dump().values())


def is_refused_at(field, answer):
    return (
        answer.status_code == 422
        and f'id="{field}-error"' in answer.text
        and "<script>" not in answer.text
        and "Traceback" not in answer.text
    )


def test_a_day_that_a_zone_skipped_is_refused():
    with pytest.raises(MissingDate, match="2011-12-30 does not exist in Pacific/Apia"):
        require_day(date(2011, 12, 30), "Pacific/Apia")


def test_a_skipped_day_within_reach_is_refused_at_the_field(visitor, clock):
    # Kwajalein had no August 21, 1993; somebody signs up there a week before.
    clock.now = clock.now.replace(year=1993, month=8, day=14)
    answer = visitor.sign_up(interview_date="1993-08-21", home_zone="Pacific/Kwajalein")
    assert answer.status_code == 422
    assert "1993-08-21 does not exist in Pacific/Kwajalein" in unescape(answer.text)


def test_the_first_and_the_last_day_that_can_be_taken(visitor):
    assert visitor.sign_up(interview_date="2027-11-23").status_code == 303
    assert visitor.sign_up(interview_date="2026-09-24").status_code == 303
    assert len(visitor.interviews()) == 2


@pytest.mark.parametrize("name", ["{{ 7*7 }}", "{% raw %}", "{{ config }}", "${7*7}", "<%= 7*7 %>", "Zoë 🎉"])
def test_template_syntax_in_a_name_is_only_a_name(visitor, name):
    interview = visitor.confirmed(first_name=name)
    assert interview.subscriber.first_name == name
    page = visitor.get(visitor.path(Purpose.PLAN, interview.id)).text
    assert f"{name}, your interview" in unescape(page)


def test_a_name_that_is_markup_is_text(visitor):
    interview = visitor.confirmed(first_name="<img src=x onerror=alert(1)>")
    page = visitor.get(visitor.path(Purpose.PLAN, interview.id)).text
    assert "<img" not in page
    assert "&lt;img src=x" in page


def test_a_field_that_comes_twice_is_refused(visitor):
    body = f"form_token={visitor.token_on('/')}&email=ana%40example.com&email=sam%40example.com"
    answer = visitor.http.post(
        "/sign-up", content=body, headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert answer.status_code == 400
    assert visitor.interviews() == []


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", b'{"email": "ana@example.com"}', 415),
        ("text/plain", b"email=ana@example.com", 415),
        ("application/x-www-form-urlencoded", b"email=%ff%fe@example.com", 400),
        ("application/x-www-form-urlencoded", b"&".join(b"f%d=1" % n for n in range(1000)), 400),
        ("multipart/form-data", b"no boundary", 400),
        ("multipart/form-data; boundary=x", b"broken", 400),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\nfile\r\n--x--\r\n',
            400,
        ),
    ],
)
def test_what_is_no_plain_form_is_refused(visitor, kind, body, status):
    answer = visitor.http.post("/sign-up", content=body, headers={"Content-Type": kind})
    assert answer.status_code == status
    assert visitor.interviews() == []


def test_a_form_of_ten_megabytes_is_refused_before_it_is_read(visitor):
    before = visitor.dump()
    answer = visitor.sign_up(first_name="x" * 10_000_000)
    assert answer.status_code == 413
    assert visitor.dump() == before


def test_a_body_that_hides_its_length_is_cut_off(visitor):
    def endless():
        for _ in range(40):
            yield b"first_name=" + b"x" * 4096

    answer = visitor.http.post(
        "/sign-up", content=endless(), headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert answer.status_code == 413
