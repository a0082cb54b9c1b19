"""How long a provider asks us to wait."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.retry_after import seconds_to_wait

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": " 120 "}, 120.0),
        ({"retry-after": "99999999999999999999"}, 86_400.0),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "٣"}, None),
        ({"retry-after": "Sun, 01 Mar 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Sun, 01 Mar 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "Sun, 01 Mar 2036 11:00:00 GMT"}, 86_400.0),
        ({"retry-after": "Sun, 01 Mar 2026 13:00:30 GMT", "date": "Sun, 01 Mar 2026 13:00:00 GMT"}, 30.0),
        ({"retry-after": "Sun, 31 Feb 2026 13:00:30 GMT"}, None),
        ({"x-ratelimit-reset": str(int(NOON.timestamp()) + 9)}, 9.0),
        ({"x-ratelimit-reset": "99999999999999"}, None),
        ({"retry-after": "3", "x-ratelimit-reset": str(int(NOON.timestamp()) + 9)}, 3.0),
        ({"retry-after": "soon", "x-ratelimit-reset": str(int(NOON.timestamp()) + 9)}, 9.0),
        ({"retry-after": "3", "date": "yesterday"}, 3.0),
        ({}, None),
    ],
)
def test_the_wish_in_seconds(headers: dict[str, str], expected: float | None) -> None:
    assert seconds_to_wait(headers, fallback=NOON) == expected


@given(st.text(), st.text(), st.text())
def test_whatever_stands_there_the_answer_is_none_or_a_day_at_most(wish: str, reset: str, date: str) -> None:
    headers = {"retry-after": wish, "x-ratelimit-reset": reset, "date": date}
    seconds = seconds_to_wait(headers, fallback=NOON)
    assert seconds is None or 0 <= seconds <= 86_400
