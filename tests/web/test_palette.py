from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runup.web.palette import READABLE, contrast, readable_on, stylesheet, text_on

COLORS = st.integers(0, 0xFFFFFF).map(lambda value: f"#{value:06x}")


def test_contrast_is_that_of_wcag():
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@given(COLORS)
def test_any_brand_color_can_be_read_on_both_grounds(color):
    for ground in ("#f6f5f1", "#1d202c"):
        assert contrast(readable_on(color, ground), ground) >= READABLE


@given(COLORS)
def test_text_on_a_button_can_be_read(color):
    light, dark = re.findall(r"--brand:(#\w{6});--on-brand:(#\w{6})", stylesheet(color))
    for ground, text in (light, dark):
        assert contrast(ground, text) >= READABLE


def test_a_color_that_is_readable_already_is_kept():
    assert readable_on("#3B4CCA", "#f6f5f1") == "#3B4CCA"
    assert text_on("#3B4CCA") == "#ffffff"
