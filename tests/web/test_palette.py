from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from campaigns.colors import READABLE, contrast
from runup.web.palette import DARK, LIGHT, stylesheet

COLORS = st.integers(0, 0xFFFFFF).map(lambda value: f"#{value:06x}")


def brand_on(color: str) -> list[tuple[str, str]]:
    """The brand's color and that of the words on it, on a light screen and on a dark one."""
    return re.findall(r"--brand:(#\w{6});--on-brand:(#\w{6})", stylesheet(color))


@given(COLORS)
@example("#000000")
@example("#ffffff")
def test_any_brand_color_can_be_read_on_both_grounds_and_words_can_be_read_on_it(color):
    for ground, (brand, words) in zip((LIGHT, DARK), brand_on(color), strict=True):
        assert contrast(brand, ground) >= READABLE
        assert contrast(words, brand) >= READABLE


def test_a_color_that_is_readable_already_is_kept():
    assert brand_on("#3B4CCA")[0] == ("#3B4CCA", "#FFFFFF")


def test_what_is_no_color_is_refused():
    with pytest.raises(ValueError, match="is no color"):
        stylesheet("blue")
