"""What SendGrid tells of our emails, in our words: each event for itself, whatever stands beside it."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sendgrid_events import about, body_of, build, duplicated, lost, renamed, story
from sendgrid_fake import Accept

from delivery.events import DeliveryEvent, EventType
from delivery.webhooks.sendgrid import Translated, translate
from delivery.wire import wire_address

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ANA = Accept("a" * 32, "1", "ana@example.com", "Tomorrow at 10:00", NOW.timestamp(), "14c5d75ce93dfd64b469")
BODY = body_of(story(ANA, "processed", "delivered", at=NOW.timestamp()))


def heard(*events: object) -> Translated:
    return translate(json.dumps(events).encode(), now=NOW)


def only(event: dict[str, object]) -> DeliveryEvent:
    told = heard(event)
    assert (told.malformed, told.foreign, len(told.events)) == (0, 0, 1), told.why
    return told.events[0]


def ana(kind: str, **changes: object) -> dict[str, object]:
    return build(kind, ANA, at=NOW.timestamp(), **changes)


class TestWhatItTells:
    @pytest.mark.parametrize(
        ("kind", "type_"),
        [
            ("processed", EventType.PROCESSED),
            ("deferred", EventType.DEFERRED),
            ("delivered", EventType.DELIVERED),
            ("bounce", EventType.BOUNCED),
            ("blocked", EventType.BOUNCED),
            ("dropped", EventType.DROPPED),
            ("spamreport", EventType.COMPLAINED),
            ("unsubscribe", EventType.UNSUBSCRIBED),
            ("group_unsubscribe", EventType.UNSUBSCRIBED),
            ("open", EventType.OPENED),
            ("click", EventType.CLICKED),
        ],
    )
    def test_sendgrid_s_words_become_ours(self, kind, type_):
        event = only(ana(kind))
        assert (event.type, event.reference, event.attempt) == (type_, ANA.mid, 1)
        assert (event.address, event.occurred_at) == ("ana@example.com", NOW)
        assert event.id == ana(kind)["sg_event_id"]

    def test_a_resubscription_at_sendgrid_s_own_page_changes_nothing(self):
        assert heard(ana("group_resubscribe")) == Translated()

    @pytest.mark.parametrize(
        ("event", "is_permanent"),
        [
            (ana("bounce"), True),
            (ana("bounce", type="blocked"), False),
            (ana("bounce", type="expired"), False),
            (ana("bounce", status="4.4.1"), False),
            (ana("bounce", status=""), True),
            (ana("blocked"), False),
            (ana("dropped"), True),
            (ana("dropped", reason="Spam Reporting Address"), True),
            (ana("dropped", reason="Unsubscribed Address"), True),
            (ana("dropped", reason="Invalid"), True),
            (ana("dropped", reason="Spam Content"), False),
            (ana("dropped", reason="Recipient List over Package Quota"), False),
            (ana("dropped", reason="Invalid SMTPAPI header"), False),
            (ana("dropped", reason=7), False),
            (ana("deferred"), False),
            (ana("spamreport"), False),
        ],
    )
    def test_only_what_lies_in_the_address_is_permanent(self, event, is_permanent):
        assert only(event).is_permanent is is_permanent

    def test_what_a_server_said_is_kept_without_addresses_or_terminal_codes(self):
        said = (
            "550 <ana@example.com>: \x1b]0;owned\x07 <script>alert(1)</script>'; DROP TABLE send; --\r\nmore"
        )
        event = only(ana("bounce", reason=said))
        assert "ana@" not in event.detail
        assert event.detail.isprintable()
        assert event.detail.isascii()
        assert only(ana("delivered")).detail == "250 2.0.0 OK"
        assert len(only(ana("bounce", reason="x" * 10**6)).detail) <= 200
        assert only(ana("bounce", reason={"a": ["b"]})).detail == ""

    def test_no_address_shows_in_a_representation(self):
        assert "ana@" not in repr(translate(BODY, now=NOW))

    def test_an_international_domain_comes_back_as_people_write_it(self):
        address = "ana@straße.example"
        assert only(ana("delivered", email=wire_address(address))).address == address
        assert only(ana("delivered", email="ana@xn--a.example")).address == "ana@xn--a.example"

    def test_an_event_without_attempt_is_ours_all_the_same(self):
        told = ana("delivered")
        del told["att"]
        assert only(told).attempt == 0

    def test_an_event_without_a_usable_id_gets_one_that_stays_the_same(self):
        for unusable in (
            {"sg_event_id": "x" * 101},
            {"sg_event_id": ""},
            {"sg_event_id": 5},
            {"sg_event_id": "a b"},
            {"sg_event_id": "é"},
            {"sg_event_id": None},
        ):
            first, again = only(ana("bounce", **unusable)), only(ana("bounce", **unusable))
            assert first.id == again.id
            assert first.id.startswith("hash:")
            assert len(first.id) <= 100
            assert first.id != only(ana("dropped", **unusable)).id
            assert first.id != only(ana("bounce", timestamp=int(NOW.timestamp()) + 1, **unusable)).id
        assert len(only(ana("bounce", sg_event_id="x" * 100)).id) == 100


MALFORMED = [
    7,
    None,
    True,
    "delivered",
    [],
    [[]],
    1e300,
    *({"event": value} for value in (None, 7, [], {}, "", "teapot", "Delivered\x00", "\ud800")),
    *(
        {"email": value}
        for value in (None, 7, [], {}, "", "a", "a" * 321, "ana\n@example.com", "a@b\x00", "\ud800@b")
    ),
    *({"att": value} for value in (1, -1, "-1", "1.0", "", "1234567", "١", [], None, True)),
    *(
        {"timestamp": value}
        for value in (None, "1795424400", 1795424400.5, True, [], {}, -1, 0, 10**10, 10**18, 10**30)
    ),
]
FOREIGN = [
    {},
    {"event": "delivered", "email": "sam@example.com"},
    *({"mid": value} for value in (None, 7, [], {}, "", "x" * 33, "a b", "a\n", "é", "\ud800", "'; --")),
]


class TestBadInput:
    @pytest.mark.parametrize("wrong", MALFORMED, ids=repr)
    def test_one_malformed_event_does_not_cost_the_other_999(self, wrong):
        good = [
            build(
                "delivered", Accept(f"{n:032x}", "1", "ana@example.com", "", 0, f"m{n}"), at=NOW.timestamp()
            )
            for n in range(999)
        ]
        event = ana("bounce", **wrong) if isinstance(wrong, dict) else wrong
        told = heard(*good[:500], event, *good[500:])
        assert (len(told.events), told.malformed, told.foreign) == (999, 1, 0)
        assert told.why
        assert told.why.isprintable()

    @pytest.mark.parametrize("other", FOREIGN, ids=repr)
    def test_another_program_s_events_are_counted_and_left_alone(self, other):
        told = heard({"event": "delivered", "email": "x@y.z"} | other, ana("bounce"))
        assert (len(told.events), told.malformed, told.foreign) == (1, 0, 1)

    def test_the_events_of_the_test_button_are_foreign(self):
        told = heard(
            *(
                {key: value for key, value in ana(kind).items() if key not in ("mid", "att")}
                for kind in ("processed", "bounce", "open")
            )
        )
        assert told == Translated(foreign=3)

    @pytest.mark.parametrize(
        "spoiled",
        [
            b'"\\ud800"',
            b"NaN",
            b"-Infinity",
            b"1" * 1_000_000,
            b"1e999",
            b"-" + b"9" * 5000,
            b'"\xff\xfe"',
            b'"\xed\xa0\x80"',
        ],
    )
    @pytest.mark.parametrize("key", ["reason", "mid", "timestamp", "useragent"])
    def test_a_value_that_json_cannot_hold_spoils_its_own_event_at_most(self, key, spoiled):
        told = json.dumps([ana("bounce"), ana("open") | {key: "HERE"}, ana("dropped")]).encode()
        found = translate(told.replace(b'"HERE"', spoiled), now=NOW)
        assert {event.type for event in found.events} >= {EventType.BOUNCED, EventType.DROPPED}
        assert len(found.events) + found.malformed + found.foreign == 3

    @pytest.mark.parametrize(
        "body",
        [
            b"[",
            b"[{",
            b"[" * 100_000,
            b"[" * 5_000 + b"]" * 5_000,
            b'[{"a":' * 50_000,
            b"[,]",
            b"[\x00]",
            b"\xff",
            b'["',
            b"[1 2]",
            b"[]]",
            b"[" + b"{}" * 1000 + b"]",
        ],
    )
    def test_what_is_no_json_is_one_malformed(self, body):
        told = translate(body, now=NOW)
        assert (told.events, told.malformed, told.foreign) == ((), 1, 0)

    def test_of_a_key_that_comes_twice_the_last_counts(self):
        line = json.dumps(ana("bounce")).encode()
        double = line[:-1] + b',"event":"delivered"}'
        assert [event.type for event in translate(b"[" + double + b"]", now=NOW).events] == [
            EventType.DELIVERED
        ]
        patient = double[:-1] + b',"x":NaN}'
        assert translate(b"[" + patient + b"]", now=NOW) == translate(b"[" + double + b"]", now=NOW)

    def test_a_hundred_thousand_events_are_counted(self):
        assert translate(b"[" + b",".join([b"{}"] * 100_000) + b"]", now=NOW) == Translated(foreign=100_000)

    def test_a_month_is_the_longest_a_clock_may_be_off(self):
        for days, is_taken in ((-29, True), (-31, False), (0.9, True), (1.1, False)):
            at = int((NOW + timedelta(days=days)).timestamp())
            assert bool(heard(ana("delivered", timestamp=at)).events) is is_taken

    @settings(deadline=None, max_examples=300)
    @given(st.binary(max_size=200))
    def test_random_bytes_raise_nothing(self, body):
        assert translate(b"[" + body, now=NOW).events == ()

    @settings(deadline=None, max_examples=300)
    @given(
        st.lists(
            st.dictionaries(
                st.sampled_from([*ana("bounce"), "reason", "url"]),
                st.recursive(
                    st.none()
                    | st.booleans()
                    | st.integers()
                    | st.floats()
                    | st.text(max_size=40)
                    | st.sampled_from([*ana("bounce").values(), ANA.mid]),
                    lambda inner: (
                        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
                    ),
                    max_leaves=8,
                ),
            ),
            max_size=6,
        )
    )
    def test_random_events_raise_nothing_and_what_is_used_fits_every_column(self, events):
        told = translate(json.dumps([ana("open") | event for event in events]).encode(), now=NOW)
        assert len(told.events) + told.malformed + told.foreign <= len(events)
        for event in told.events:
            assert 1 <= len(event.id) <= 100
            assert event.id.isascii()
            assert 1 <= len(event.reference) <= 32
            assert 0 <= event.attempt < 10**6
            assert event.occurred_at.tzinfo is not None
            assert event.detail.isascii()
            assert len(event.detail) <= 300
            event.address.encode()


class TestTheFakeItself:
    def test_it_tells_the_same_story_twice_and_another_of_every_step(self):
        first = story(ANA, "processed", "delivered", at=NOW.timestamp())
        assert first == story(ANA, "processed", "delivered", at=NOW.timestamp())
        assert len({event["sg_event_id"] for event in first}) == 2

    def test_its_mischief_is_what_it_says(self):
        told = story(ANA, "processed", "delivered", at=NOW.timestamp())
        assert len(duplicated(told)) == 92
        assert (
            len({event["sg_event_id"] for event in told + renamed(told) + about(told, "kiri@example.com")})
            == 4
        )
        assert {event["email"] for event in about(told, "kiri@example.com")} == {"kiri@example.com"}
        assert lost(told, 1.0, random.Random(1)) == []
        assert lost(told, 0.0, random.Random(1)) == told
