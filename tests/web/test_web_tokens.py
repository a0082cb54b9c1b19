from __future__ import annotations

import base64

import pytest

from subscribers import Links, Purpose

PAGES = {
    Purpose.CONFIRM: ("GET", "POST"),
    Purpose.PLAN: ("GET",),
    Purpose.UNSUBSCRIBE: ("GET", "POST"),
    Purpose.CALENDAR: ("GET",),
    Purpose.FEED: ("GET",),
    Purpose.KEEP: ("POST",),
    Purpose.LEAVE: ("GET", "POST"),
}


@pytest.fixture
def interview(visitor):
    return visitor.confirmed()


@pytest.fixture
def not_found(visitor):
    """The page of what is not there, by method: an answer to a form cannot be had in another language."""
    return {method: visitor.http.request(method, "/nowhere").content for method in ("GET", "POST")}


def refused(visitor, path, method, not_found):
    before = visitor.dump()
    answer = visitor.http.request(method, path, data={"form_token": "x"} if method == "POST" else None)
    changed = visitor.dump() != before
    # A forged confirm link with no valid form token may be told about the form first.
    return (
        not changed
        and (answer.status_code, answer.content) == (404, not_found[method])
        and answer.headers["referrer-policy"] == "no-referrer"
    )


@pytest.mark.parametrize("used_for", PAGES)
@pytest.mark.parametrize("made_for", PAGES)
def test_a_token_opens_only_what_it_was_made_for(visitor, interview, not_found, made_for, used_for):
    token = visitor.application.links.sign(made_for, interview.id)
    for method in PAGES[used_for]:
        if made_for != used_for:
            assert refused(visitor, f"/{used_for}/{token}", method, not_found)
    if made_for == used_for and "GET" in PAGES[used_for]:
        assert visitor.get(f"/{used_for}/{token}").status_code == 200


@pytest.mark.parametrize("purpose", PAGES)
def test_every_flipped_bit_and_every_cut_is_refused(visitor, interview, not_found, purpose):
    token = visitor.application.links.sign(purpose, interview.id)
    payload, _, signature = token.partition(".")
    raw = base64.urlsafe_b64decode(signature + "=")
    flipped = [
        bytes(byte ^ (1 << bit) if index == at else byte for index, byte in enumerate(raw))
        for at in range(0, len(raw), 5)
        for bit in (0, 7)
    ]
    forged = [
        *(f"{payload}.{base64.urlsafe_b64encode(bad).decode().rstrip('=')}" for bad in flipped),
        *(token[:end] for end in (1, len(payload), len(payload) + 1, len(token) - 1)),
        token + "A", f"Mg.{signature}", f".{signature}", f"{payload}.", "x", "a.b", "." * 20,
        Links(("another key, forty characters long.....",), "http://x").sign(purpose, interview.id),
        "A" * 2000, "%00", "%F0%9F%98%80",
    ]  # fmt: skip
    for bad in forged:
        for method in PAGES[purpose]:
            assert refused(visitor, f"/{purpose}/{bad}", method, not_found), bad


def test_a_valid_token_of_nobody_looks_like_a_forged_one(visitor, not_found):
    for purpose in (Purpose.CONFIRM, Purpose.PLAN, Purpose.CALENDAR, Purpose.FEED):
        assert refused(visitor, visitor.path(purpose, 4711), "GET", not_found)


def test_an_unknown_part_of_the_plan_is_not_found(visitor, interview):
    assert visitor.get(visitor.path(Purpose.PLAN, interview.id, "erase-everybody")).status_code == 404
    assert visitor.http.post(visitor.path(Purpose.PLAN, interview.id, "x"), data={}).status_code == 404
