"""Words an operator ties to people."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from runup.database import Database
from subscribers import InvalidTag, SignUp, SubscriberTag, parse_tag, parse_tags, sign_up, tag, tags_of, untag
from subscribers.own_data import forget_person, own_data
from subscribers.tags import MOST_TAGS

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def test_a_tag_has_one_spelling() -> None:
    assert parse_tag(" VIP ") == "vip"
    assert parse_tag("Zu\u0308rich") == "zürich"
    assert parse_tags("vip, spring-2026;vip  b.2") == ("b.2", "spring-2026", "vip")
    assert parse_tags("") == ()


@pytest.mark.parametrize("word", ["", "=1+1", "-x", "x-", "a b", "a\nb", "x" * 41, "\u202eevil", "a,b", "'x"])
def test_what_is_no_word_is_no_tag(word: str) -> None:
    with pytest.raises(InvalidTag, match="cannot be a tag"):
        parse_tag(word)


def test_anas_tags_come_go_are_hers_to_read_and_are_forgotten_with_her(sqlite_url: str) -> None:
    form = SignUp.parse(
        {"email": "ana@example.com", "interview_date": "2026-12-04", "home_zone": "Europe/Berlin",
         "consent": "yes"},
        now=NOW,
    )  # fmt: skip
    database = Database(sqlite_url)
    with database.write() as session:
        ana = sign_up(session, form, campaign="s", hmac_key=b"k", now=NOW, source="form").subscriber
        before = ana.epoch
        assert tag(session, ana, ["VIP", "vip", "spring"]) == 2
        assert ana.epoch == before + 1, "conditions may ask for it: her plan is made again"
        assert tag(session, ana, ["vip"]) == 0
        assert untag(session, ana, ["spring", "never"]) == 1
        assert (tags_of(session, ana.id), ana.epoch) == (("vip",), before + 2)
        assert own_data(session, ana)["tags"] == ["vip"]
        with pytest.raises(InvalidTag, match="at most 50"):
            tag(session, ana, [f"t{number}" for number in range(MOST_TAGS)])
        forget_person(session, ana, now=NOW)
        assert session.scalar(select(func.count()).select_from(SubscriberTag)) == 0
    database.close()
