"""Variants of an email: who gets which, what their words are made of, what is refused by file and line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from campaigns.compiling import compile_campaign
from campaigns.errors import CampaignError
from campaigns.preview import sample_contexts
from campaigns.rendering import Renderer
from campaigns.sequence import Sequence
from campaigns.timetable import parse_sequence
from campaigns.variants import Goal, Variant, assigned, fingerprint, is_among_first, shares, step_of, wording

GOOD = """name   = "Test"
window = [07:00:00, 20:00:00]

[[step]]
key      = "advice"
title    = "Advice"
day      = -7
time     = 09:00:00
expires  = { day = -2, time = 09:00:00 }
late     = "skip"
once_per = "enrollment"

[[step]]
key      = "thanks"
title    = "Thanks"
after    = "interview_end"
delay    = "2h"
expires  = { after = "interview_start", delay = "24h" }
late     = "send"
once_per = "date"
"""
PEOPLE = range(1, 4001)
PLAIN, BOLD, SHORT = (Variant(key=key, subject=key) for key in ("plain", "bold", "short"))
RULE = 'decide   = { by = "clicks", people = 500 }\n'
TWO = (
    'variants = [{ key = "plain" }, { key = "question", subject = "Ready, {{ subscriber.first_name }}?" }]\n'
)


def read(rules: str) -> Sequence:
    return parse_sequence("test", GOOD + rules)


def taken(*variants: Variant, email: str = "exam/eve") -> dict[int, str]:
    return {number: assigned(variants, email, number).key for number in PEOPLE}


def moved(before: Mapping[int, str], after: Mapping[int, str]) -> Counter[tuple[str, str]]:
    return Counter((before[one], after[one]) for one in PEOPLE if before[one] != after[one])


# -- who gets which ------------------------------------------------------------------------------------------


def test_a_person_has_the_same_variant_on_every_machine_and_for_good() -> None:
    """Written down from a first run: whoever changes the split moves people who are in the middle of it."""
    found = "".join(assigned([PLAIN, BOLD], "exam/eve", number).key[0] for number in range(1, 25))
    assert found == "bpbppbbpbppbppbbbbbpbppp"


def test_equal_shares_are_as_even_as_chance_makes_them() -> None:
    counts = Counter(taken(PLAIN, BOLD, SHORT).values())
    # Three standard deviations of 4,000 throws of a three-sided die.
    assert all(abs(count - len(PEOPLE) / 3) < 90 for count in counts.values()), counts


def test_ninety_to_ten_is_ninety_to_ten() -> None:
    counts = Counter(taken(replace(PLAIN, weight=90), replace(BOLD, weight=10)).values())
    assert 340 < counts["bold"] < 460


def test_another_order_means_nothing() -> None:
    assert taken(PLAIN, BOLD, SHORT) == taken(SHORT, PLAIN, BOLD)


def test_another_share_moves_the_difference_and_nobody_back() -> None:
    before = taken(replace(PLAIN, weight=50), replace(BOLD, weight=50))
    changed = moved(before, taken(replace(PLAIN, weight=60), replace(BOLD, weight=40)))
    assert set(changed) == {("bold", "plain")}
    assert abs(changed["bold", "plain"] - 400) < 70


def test_a_new_variant_takes_people_and_moves_nobody_else() -> None:
    changed = moved(taken(PLAIN, BOLD), taken(PLAIN, BOLD, SHORT))
    assert {after for _, after in changed} == {"short"}


def test_a_variant_that_goes_gives_its_people_to_the_others_and_moves_nobody_else() -> None:
    changed = moved(taken(PLAIN, BOLD, SHORT), taken(PLAIN, BOLD))
    assert {before for before, _ in changed} == {"short"}


def test_one_email_s_split_tells_nothing_of_another_s() -> None:
    one, other = taken(PLAIN, BOLD), taken(PLAIN, BOLD, email="exam/morning")
    alike = sum(one[number] == other[number] for number in PEOPLE)
    assert abs(alike - len(PEOPLE) / 2) < 110


def test_the_first_part_of_an_issue_s_readers_is_fixed_grows_by_its_share_and_is_split_evenly() -> None:
    first = {number for number in PEOPLE if is_among_first("weekly/one", number, 20)}
    assert abs(len(first) - 800) < 80
    assert first < {number for number in PEOPLE if is_among_first("weekly/one", number, 30)}
    split = Counter(assigned([PLAIN, BOLD], "weekly/one", number).key for number in first)
    assert abs(split["plain"] - split["bold"]) < 100


# -- what is declared ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "declared",
    [
        'variants = [{ key = "plain", share = 70 }, { key = "b", share = 30, subject = "Ready?" }]\n' + RULE,
        'variants = [\n  { key = "plain", share = 70 },  # } as it is\n'
        '  { key = "b", share = 30, subject = "Ready?" },\n]\n' + RULE,
        RULE + '[[step.variants]]\nkey = "plain"\nshare = 70\n\n'
        '[[step.variants]]\nkey = "b"\nshare = 30\nsubject = "Ready?"\n',
    ],
)  # fmt: skip
def test_variants_are_read_however_toml_writes_them(declared: str) -> None:
    step = read(declared).steps[-1]
    assert [(one.key, one.weight, one.subject) for one in step.variants] == [
        ("plain", 70, ""), ("b", 30, "Ready?"),
    ]  # fmt: skip
    assert (GOOD + declared).splitlines()[step.variants[1].line - 1].find("Ready?") > 0
    assert step.decide
    assert (step.decide.by, step.decide.people, step.decide.within) == (Goal.CLICKS, 500, timedelta(days=3))
    assert step.decide.is_automatic


def test_shares_left_out_are_equal_and_told_in_percent() -> None:
    assert shares(read(TWO + RULE).steps[-1].variants) == {"plain": 50, "question": 50}


FAULTS = {
    "opens": (TWO + 'decide = { by = "opens", people = 50 }\n', 1, "opens decide nothing: mail programs"),
    "replies": (TWO + 'decide = { by = "replies", people = 50 }\n', 1, "`runup campaigns decide`"),
    "clicked": (TWO + 'decide = { by = "clickz", people = 50 }\n', 1, "did you mean 'clicks'?"),
    "no rule": (TWO, 0, "nothing says how it is decided; add decide ="),
    "no variants": (RULE, 0, "there are no variants to decide between"),
    "no number": (TWO + 'decide = { by = "clicks" }\n', 1, "decide.people: is missing"),
    "too few": (TWO + 'decide = { by = "clicks", people = 3 }\n', 1, "from 10 to"),
    "too soon": (TWO + 'decide = { by = "clicks", people = 50, within = "5m" }\n', 1, 'not from "10m"'),
    "outcome of clicks": (TWO + 'decide = { by = "clicks", people = 50, outcome = "offer" }\n', 1, "goes"),
    "which outcome": (TWO + 'decide = { by = "outcomes", people = 50 }\n', 1, "decide.outcome: is missing"),
    "brief's word": (TWO + 'decide_by = "clicks"\n', 1, "did you mean 'decide'?"),
    "alone": ('variants = [{ key = "plain" }]\n' + RULE, 0, "one variant is no choice"),
    "not a list": ('variants = { plain = "x" }\n' + RULE, 0, "is no list of tables"),
    "twice": ('variants = [\n{ key = "a" },\n{ key = "a", subject = "x" }]\n' + RULE, 2, "is there twice"),
    "sum": ('variants = [\n{ key = "a", share = 50 },\n{ key = "b", share = 40, subject = "x" }]\n' + RULE, 2,
            "all shares add up to 90 percent"),
    "one share": ('variants = [\n{ key = "a", share = 50 },\n{ key = "b", subject = "x" }]\n' + RULE, 2,
                  "variant 'b', share: is missing"),
    "a word": (
        'variants = [\n{ key = "a" },\n{ key = "b", subjekt = "x" }]\n' + RULE, 2, "did you mean 'subject'?"),
    "same": (
        'variants = [{ key = "a" },\n{ key = "b", subject = "x" },\n{ key = "c", subject = "x" }]\n' + RULE,
        2,
             "that of variant 'b'; the two are the same email"),
    "two as they are": ('variants = [{ key = "a" }, { key = "b" }]\n' + RULE, 0, "these say neither: a, b"),
    "none as it is": ('variants = [{ key = "a", subject = "x" }, { key = "b", subject = "y" }]\n' + RULE, 0,
                      "each of these says one"),
    "a step's words": ('variants = [{ key = "a" }, { key = "b", template = "advice" }]\n' + RULE, 0,
                       "has the words of the step 'advice'"),
    "language alone": (
        'variants = [{ key = "a" }, { key = "b", template = "t", subjects = { de = "x" } }]\n' + RULE,
                       0, "needs `subject` too"),
    "two lines": (
        'variants = [{ key = "a" }, { key = "b", subject = "x\\ny" }]\n' + RULE, 0, "more than one"),
}  # fmt: skip


@pytest.mark.parametrize(("rules", "line", "message"), FAULTS.values(), ids=FAULTS.keys())
def test_what_cannot_be_meant_is_told_by_line_step_and_field(rules: str, line: int, message: str) -> None:
    with pytest.raises(CampaignError) as caught:
        read(rules)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"test/sequence.toml:{GOOD.count(chr(10)) + 1 + line}: step 'thanks'")


def test_no_click_is_waited_for_where_none_is_counted() -> None:
    rules = GOOD + TWO + RULE + "despite_unsubscribe = true\n"
    with pytest.raises(CampaignError, match="no click is ever counted in this email"):
        parse_sequence("test", rules)


def test_a_trial_is_named_by_variants_and_rule_and_not_by_shares() -> None:
    step = read(TWO + RULE).steps[-1]
    assert step.decide
    name = fingerprint(step.variants, step.decide)
    uneven = [replace(one, weight=number + 1) for number, one in enumerate(step.variants)]
    assert fingerprint(uneven, step.decide) == name == fingerprint(step.variants[::-1], step.decide)
    assert fingerprint(step.variants, replace(step.decide, people=501)) != name
    assert fingerprint([step.variants[0], replace(step.variants[1], subject="x")], step.decide) != name


# -- their words ---------------------------------------------------------------------------------------------

SMALL = """name   = "Short"
window = [07:00:00, 20:00:00]

[[step]]
key      = "details"
title    = "Details"
{titles}day      = -7
time     = 09:00:00
expires  = {{ day = -2, time = 09:00:00 }}
late     = "send"
once_per = "enrollment"
decide   = {{ by = "clicks", people = 50 }}
variants = [
  {{ key = "plain" }},
  {variant},
]
"""
SUBJECT = '{ key = "question", subject = "Ready, {{ subscriber.first_name }}?" }'
FOLDER = '{ key = "question", template = "details_short" }'


def timetable(folder, variant: str, titles: str = ""):
    text = SMALL.format(variant="VARIANT", titles=titles).replace("VARIANT", variant)
    return folder.write("sequence.toml", text)


def rendered(folder, key: str = "details@question", locale: str = "en"):
    brand = folder.brand
    compiled = compile_campaign(folder.root / "short", base=folder.root / "_base", brand=brand)
    context = sample_contexts(facts=compiled.facts, brand=brand, locale=locale)[0].context
    return Renderer(compiled).render(key, context)


def findings(folder) -> list[str]:
    return [f"{one.file}:{one.line}: {one.message}" for one in folder.check_here() if one.severity == "error"]


def test_a_variant_s_subject_is_a_template_like_any_other_and_the_rest_is_the_step_s(folder) -> None:
    timetable(folder, SUBJECT)
    assert findings(folder) == []
    own, variant = rendered(folder, "details"), rendered(folder)
    assert variant.subject == "Ready, Ana?"
    assert own.subject != variant.subject
    assert own.text == variant.text
    assert own.html == variant.html.replace(variant.subject, own.subject)


def test_a_variant_s_template_is_a_folder_of_the_campaign_and_no_step_of_its_own(folder) -> None:
    timetable(folder, FOLDER).step("details_short").words("Five lines.", "details_short")
    assert [str(one) for one in folder.check_here() if one.severity == "error"] == []
    assert "Five lines." in rendered(folder).html
    with pytest.raises(CampaignError, match="there is no such step"):
        rendered(folder, "details_short")


def test_a_subject_that_cannot_be_read_is_told_at_its_line_of_the_timetable(folder) -> None:
    timetable(folder, SUBJECT.replace("first_name", "frist_name"))
    assert findings(folder) == [
        "short/sequence.toml:15: `subscriber` has no `frist_name`; did you mean `first_name`?"
    ]


def test_a_fault_in_a_variant_s_own_words_is_told_in_its_own_file(folder) -> None:
    timetable(folder, FOLDER).step("details_short").words("{{ interview.modus }}", "details_short")
    assert findings(folder) == [
        "short/details_short/body.mjml:3: `interview` has no `modus`; did you mean `mode`?"
    ]


def test_a_folder_that_is_not_there_is_told_with_the_nearest(folder) -> None:
    timetable(folder, FOLDER.replace("details_short", "details_shirt")).step("details_short")
    assert (
        "short/sequence.toml:15: step 'details': there is no folder 'details_shirt' with the words of "
        "variant 'question'; did you mean 'details_short'?"
    ) in findings(folder)


def test_a_subject_that_makes_no_difference_is_refused(folder) -> None:
    timetable(folder, '{ key = "question", subject = "About {{ step }}" }').step("details")
    (told,) = findings(folder)
    assert told.startswith("short/sequence.toml:15: the same subject as 'details' has without it")


def test_a_variant_in_half_of_the_languages_would_count_people_who_got_another_one(folder) -> None:
    timetable(folder, SUBJECT, titles='titles = { de = "Genauer" }\n')
    for name in ("subject", "preheader", "body"):
        text = (folder.root / "short" / "details" / f"{name}.txt").read_text("utf-8")
        folder.write(f"details/{name}.de.txt", text.replace("About", "Zu"))
    folder.write("details/body.de.mjml", (folder.root / "short" / "details" / "body.mjml").read_text("utf-8"))
    folder.write("_base/words.de.txt", "")
    message = (
        "short/sequence.toml:0: step 'details' is written in 'de' and its variant 'question' is not: "
        "add subjects = { de = ... } to the variant"
    )
    assert message in findings(folder)
    with pytest.raises(CampaignError, match="add subjects"):
        rendered(folder)
    timetable(
        folder, SUBJECT[:-2] + ', subjects = { de = "Fertig?" } }', titles='titles = { de = "Genauer" }\n'
    )
    assert rendered(folder, locale="de_AT").subject == "Fertig?"
    assert rendered(folder).subject == "Ready, Ana?"


def test_what_words_are_kept_under_is_no_name_a_folder_or_key_can_have() -> None:
    assert wording("eve", None) == wording("eve", Variant(key="plain")) == "eve"
    assert (wording("eve", BOLD), step_of(wording("eve", BOLD)), step_of("eve")) == ("eve@bold", "eve", "eve")
