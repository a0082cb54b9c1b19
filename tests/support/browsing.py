"""Chromium as a phone and as a desk, for tests of pages. A folder's conftest names the fixtures."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = Path(os.environ.get("RUNUP_CHROMIUM", "/usr/bin/chromium"))
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.fail(f"no Chromium at {CHROMIUM}; apt-get install chromium, or set RUNUP_CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium, base_url, clock):
    """A tab; at the end no page may have asked another host for anything or broken its own policy."""
    contexts, foreign, broken = [], [], []

    def open_(*, size: str = "phone", scheme: str = "light", scripts: bool = True, **more) -> Page:
        more = {"timezone_id": "America/St_Johns", "locale": "en-US"} | more
        context = chromium.new_context(
            base_url=base_url,
            viewport=PHONE if size == "phone" else DESK,
            color_scheme=scheme,
            java_script_enabled=scripts,
            has_touch=size == "phone",
            **more,
        )
        # However fast the test types: somebody who fills in the form takes a while.
        context.route("**/sign-up", lambda route: (clock.forward(seconds=30), route.continue_()))
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: request.url.startswith(base_url) or foreign.append(request.url))
        page.on("pageerror", lambda error: broken.append(str(error)))
        page.on("console", lambda said: "Content Security Policy" in said.text and broken.append(said.text))
        return page

    yield open_
    for context in contexts:
        context.close()
    assert foreign == []
    assert broken == []
